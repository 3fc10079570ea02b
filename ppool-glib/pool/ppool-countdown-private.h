/* ppool-countdown-private.h: a time that counts while this program runs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-manager-private.h"

G_BEGIN_DECLS

/* Embedded in what it is for, and to be stopped before that is freed. */
typedef struct
{
  /* Constant. */
  PPoolManager *manager; /* (unowned): its owner's */
  gpointer data;         /* (unowned): its owner */

  /* In the manager's thread. */
  PPoolTimer timer;      /* of one part */
  gint64 part_due;
  guint part_msec;
  guint left_msec;       /* of the time, with that part … */
  PPoolManagerFunc func; /* … until this is called */
  gboolean was_late;     /* the last part did not count */
} PPoolCountdown;

void ppool_countdown_init  (PPoolCountdown   *self,
                            PPoolManager     *manager,
                            gpointer          data);

/* In the manager's thread. */
void ppool_countdown_start (PPoolCountdown   *self,
                            guint             msec,
                            PPoolManagerFunc  func);
void ppool_countdown_stop  (PPoolCountdown   *self);

G_END_DECLS
