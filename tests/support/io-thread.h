/* io-thread.h: gets hold of GDBus's own thread
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One thread reads and writes for every connection of a process, so a filter of
 * a connection of our own is a place to do something in it. */
typedef struct
{
  GDBusConnection *ends[2];  /* (owned) */
  GMutex lock;
  GCond cond;
  GFunc func;                /* (nullable): to be run; guarded by the lock */
  gpointer data;
  gboolean is_held;          /* guarded by the lock */
  gboolean is_let_go;        /* guarded by the lock */
} IoThread;

void io_thread_init   (IoThread *self);
void io_thread_clear  (IoThread *self);

void io_thread_hold   (IoThread *self);
void io_thread_let_go (IoThread *self);
void io_thread_run    (IoThread *self,
                       GFunc     func,
                       gpointer  data);

G_END_DECLS
