/* ppool-waiter-private.h: one thread that blocks until something has come about
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  PPOOL_WAITER_MET,
  PPOOL_WAITER_TIMED_OUT,
  PPOOL_WAITER_CANCELLED,
} PPoolWaiterEnd;

/* What is waited for. */
typedef struct
{
  GMutex *lock;                       /* guards the condition */
  GCond *changed;                     /* of that lock */
  guint *n_blocked;                   /* (nullable): threads that wait; with the lock */
  gboolean (*is_met) (gpointer data); /* with the lock */
  gpointer data;
} PPoolWaiter;

gint64         ppool_waiter_deadline (int                timeout_msec);
PPoolWaiterEnd ppool_waiter_wait     (const PPoolWaiter *self,
                                      gint64             deadline,
                                      GCancellable      *cancellable);

G_END_DECLS
