/* ppool-executor-records.c: executors for rooms that submit calls themselves
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-private.h"

#include "ppool-executor-internal.h"

/* Fails in a forked copy of the process, where nothing may be touched. */
gboolean
ppool_executor_check (PPoolExecutor  *self,
                      GError        **error)
{
  return ppool_pool_check (self->pool, error);
}

/* Whether a call of @function that is submitted now would be accepted. */
gboolean
ppool_executor_accepts_calls (PPoolExecutor  *self,
                              const char     *function,
                              GError        **error)
{
  return ppool_pool_accepts_calls (self->pool, function, error);
}

/* Sinks @args. The record can be cancelled from now on. */
PPoolRecord *
ppool_executor_make_record (PPoolExecutor  *self,
                            const char     *function,
                            GVariant       *args,
                            GError        **error)
{
  return ppool_pool_make_record (self->pool, function, args, NULL, error);
}

gboolean
ppool_executor_submit_record (PPoolExecutor  *self,
                              PPoolRecord    *record,
                              GError        **error)
{
  return ppool_pool_submit (self->pool, self->launcher, record, error);
}
