/* ppool-manager-private.h: a thread with a main context, and timers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-io-private.h"

G_BEGIN_DECLS

typedef struct _PPoolManager PPoolManager;
typedef struct _PPoolTimer PPoolTimer;

typedef void (*PPoolManagerFunc) (gpointer data);

/* Embedded in what it is for. It may be armed and disarmed from any thread, and
 * is to be disarmed in the manager's before its owner is freed. */
struct _PPoolTimer
{
  gint64 due;  /* monotonic, in microseconds */
  guint place; /* in the heap; 0 while disarmed */
  PPoolManagerFunc func;
  gpointer data;
};

PPoolManager *ppool_manager_new         (PPoolManagerFunc  ended,
                                         gpointer          data,
                                         GError          **error);
PPoolManager *ppool_manager_ref         (PPoolManager     *self);
void          ppool_manager_unref       (PPoolManager     *self);

GMainContext *ppool_manager_get_context (PPoolManager     *self);
PPoolIo      *ppool_manager_get_io      (PPoolManager     *self);
void          ppool_manager_post        (PPoolManager     *self,
                                         PPoolManagerFunc  func,
                                         gpointer          data);
void          ppool_manager_arm         (PPoolManager     *self,
                                         PPoolTimer       *timer,
                                         guint             msec,
                                         PPoolManagerFunc  func,
                                         gpointer          data);
gboolean      ppool_manager_disarm      (PPoolManager     *self,
                                         PPoolTimer       *timer);
void          ppool_manager_end         (PPoolManager     *self);
void          ppool_manager_join        (PPoolManager     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolManager, ppool_manager_unref)

G_END_DECLS
