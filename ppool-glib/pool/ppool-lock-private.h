/* ppool-lock-private.h: the pool's one lock, and who sends when it is left
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolLock PPoolLock;
typedef struct _PPoolSender PPoolSender;

/* Without the lock, in the thread that has changed something. */
typedef void (*PPoolLockFunc) (gpointer owner,
                               gboolean is_urgent);

/* Embedded in what sends. */
struct _PPoolSender
{
  /* Constant. Is entered with the lock held and leaves without it; the reference that
   * ppool_lock_add_sender() asked for ends there. */
  void (*send) (gpointer owner);
  gpointer owner; /* (unowned): has this */

  /* Guarded by the lock. */
  gboolean is_dirty;
  PPoolSender *next; /* (unowned) (nullable) */
};

struct _PPoolLock
{
  /* Constant. */
  PPoolLockFunc changed;
  gpointer owner; /* (unowned): has this */

  GMutex mutex; /* guards what follows */
  PPoolSender *dirty; /* (unowned) (nullable): the first with something to send */
  gboolean has_changed; /* somebody is to be told, without the lock */
  gboolean is_urgent;   /* at once */
};

void     ppool_lock_init          (PPoolLock     *self,
                                   PPoolLockFunc  changed,
                                   gpointer       owner);
void     ppool_lock_clear         (PPoolLock     *self);
void     ppool_lock_enter         (PPoolLock     *self);
void     ppool_lock_leave         (PPoolLock     *self);
void     ppool_lock_leave_quietly (PPoolLock     *self);

/* With the lock held. */
gboolean ppool_lock_is_dirty      (PPoolLock     *self);
gboolean ppool_lock_add_sender    (PPoolLock     *self,
                                   PPoolSender   *sender);
void     ppool_lock_note_change   (PPoolLock     *self,
                                   gboolean       is_urgent);

G_END_DECLS
