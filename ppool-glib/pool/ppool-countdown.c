/* ppool-countdown.c: a time that counts while this program runs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-countdown-private.h"

/* Time is counted in parts like these, of which none counts that was missed. */
#define MAX_PART_MSEC 1000
#define MIN_PART_MSEC 50
#define N_PARTS 4

void
ppool_countdown_init (PPoolCountdown *self,
                      PPoolManager   *manager,
                      gpointer        data)
{
  self->manager = manager;
  self->data = data;
}

static void part_passed_cb (gpointer data);

static void
arm_part (PPoolCountdown *self,
          guint           msec)
{
  self->part_msec = msec;
  self->part_due = g_get_monotonic_time () + (gint64) msec * G_TIME_SPAN_MILLISECOND;
  ppool_manager_arm (self->manager, &self->timer, msec, part_passed_cb, self);
}

/* A program that was stopped, by a SIGSTOP or a debugger, finds all that workers have
 * sent meanwhile unread, and all times over. So a part of the time of which the end was
 * not seen is waited for again, once in a row: a machine may also be that slow. */
static void
part_passed_cb (gpointer data)
{
  PPoolCountdown *self = data;
  gint64 late = g_get_monotonic_time () - self->part_due;

  self->was_late = !self->was_late && late > MIN_PART_MSEC * G_TIME_SPAN_MILLISECOND;
  if (!self->was_late)
    self->left_msec -= MIN (self->part_msec, self->left_msec);

  if (self->was_late)
    arm_part (self, MAX (self->part_msec, MIN_PART_MSEC));
  else if (self->left_msec > 0)
    arm_part (self, MIN (self->part_msec, self->left_msec));
  else
    self->func (self->data);
}

/* Has @func called with the owner when @msec milliseconds have passed in which
 * this program ran, unless that is said anew. */
void
ppool_countdown_start (PPoolCountdown   *self,
                       guint             msec,
                       PPoolManagerFunc  func)
{
  self->func = func;
  self->left_msec = msec;
  self->was_late = FALSE;
  arm_part (self, MIN (CLAMP (msec / N_PARTS, MIN_PART_MSEC, MAX_PART_MSEC), msec));
}

void
ppool_countdown_stop (PPoolCountdown *self)
{
  ppool_manager_disarm (self->manager, &self->timer);
}
