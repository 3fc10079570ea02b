/* ppool-verdict-private.h: what became of a worker, in words
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "ppool-error.h"

G_BEGIN_DECLS

/* What is known about the end of a worker. */
typedef struct
{
  gboolean started; /* it was a process */
  guint pid; /* 0 if it had ended before its number could be asked for */
  gboolean ready; /* it had finished its handshake */
  gboolean exited;
  int wait_status; /* if it exited */
  gboolean status_is_lost; /* it exited, and somebody else has reaped it … */
  gboolean children_are_ignored; /* … which the kernel did */
  gboolean was_ended; /* by the pool, for its call's sake */
  gboolean was_out_of_memory; /* the kernel has killed something for that meanwhile */
  gboolean said_no_memory; /* it wrote that it could have no memory */
  const char *core; /* (nullable): where its core dump is, in words */
  const char *function; /* (nullable): what it ran */
  const char *label; /* (nullable): what that was about */
  gint64 run_time; /* for how long, in microseconds; -1 is unknown */
  gboolean function_is_done; /* but its answer never came */
  const char *initializer; /* (nullable): what it had to run before it was ready */
  const GError *cause; /* (nullable): what the pool had against it */
  const char *library; /* (nullable): its, if that is not this program's */
  const char *stderr_tail; /* (nullable) */
} PPoolVerdict;

GError   *ppool_verdict_to_error         (const PPoolVerdict *self);
gboolean  ppool_verdict_is_out_of_memory (const char         *text);

G_END_DECLS
