/* ppool-executor-private.h: executors for rooms that submit calls themselves
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-executor.h"
#include "ppool-record-private.h"

G_BEGIN_DECLS

gboolean     ppool_executor_check         (PPoolExecutor  *self,
                                           GError        **error);
gboolean     ppool_executor_accepts_calls (PPoolExecutor  *self,
                                           const char     *function,
                                           GError        **error);
PPoolRecord *ppool_executor_make_record   (PPoolExecutor  *self,
                                           PPoolCallSpec  *spec,
                                           GVariant       *args,
                                           GError        **error);
gboolean     ppool_executor_submit_record (PPoolExecutor  *self,
                                           PPoolRecord    *record,
                                           GError        **error);

G_END_DECLS
