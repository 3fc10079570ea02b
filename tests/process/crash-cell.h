/* crash-cell.h: how a worker comes to an end, and where
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  CRASH_STARTING,      /* nothing was said */
  CRASH_HANDSHAKE,     /* authenticated */
  CRASH_INITIALIZER,   /* in the initializer */
  CRASH_IDLE,          /* has answered a call */
  CRASH_RECEIVED,      /* has read a call from its channel */
  CRASH_RUNNING,       /* in a function */
  CRASH_AHEAD,         /* likewise, with calls sent ahead behind it */
  CRASH_HALF_SENT,     /* has written a part of the result */
  CRASH_RECYCLING,     /* was asked to leave, and calls wait for another one */
  CRASH_SHUTTING_DOWN, /* has a call while the executor shuts down */
  CRASH_LEAVING,       /* was asked to leave as the executor shuts down */
  CRASH_N_STAGES,
} CrashStage;

typedef enum
{
  CRASH_BY_ERROR,
  CRASH_BY_EXIT_0,
  CRASH_BY_EXIT_3,
  CRASH_BY_SEGV,
  CRASH_BY_KILL,
  CRASH_BY_CLOSING,
  CRASH_BY_GARBAGE,
  CRASH_BY_STOP,   /* and kill, later */
  CRASH_BY_PEER,   /* another worker kills it */
  CRASH_BY_MUTUAL, /* each worker kills the next one */
  CRASH_N_FATES,
} CrashFate;

typedef enum
{
  CRASH_FOR_THREAD,
  CRASH_FOR_CALLBACK,
  CRASH_FOR_NOBODY,
  CRASH_IN_CALLBACK, /* submitted there */
  CRASH_N_WAITINGS,
} CrashWaiting;

/* What comes of it. */
typedef enum
{
  CRASH_BREAKS,     /* the pool is broken */
  CRASH_FAILS_CALL, /* one call fails */
  CRASH_IS_NOTHING, /* the worker was to leave anyway */
} CrashEffect;

typedef struct
{
  CrashStage stage;
  CrashFate fate;
  guint n_workers;
  CrashWaiting waiting;
} CrashCell;

guint        crash_cell_count      (void);
void         crash_cell_init       (CrashCell       *self,
                                    guint            index);
char        *crash_cell_get_path   (const CrashCell *self);
const char  *crash_cell_get_hole   (const CrashCell *self);

gboolean     crash_cell_is_leaving (const CrashCell *self);
const char  *crash_cell_get_steps  (const CrashCell *self);
const char  *crash_cell_get_order  (const CrashCell *self);

CrashEffect  crash_cell_get_effect (const CrashCell *self);
int          crash_cell_get_cause  (const CrashCell *self);
const char  *crash_cell_get_text   (const CrashCell *self);

G_END_DECLS
