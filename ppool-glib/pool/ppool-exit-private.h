/* ppool-exit-private.h: the process of a worker, and how it ends
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-child-private.h"
#include "ppool-verdict-private.h"

G_BEGIN_DECLS

typedef enum
{
  PPOOL_EXIT_RUNNING,
  PPOOL_EXIT_KILLED,        /* for what it did: how it exits tells nothing */
  PPOOL_EXIT_REAPED,
  PPOOL_EXIT_KILLED_REAPED, /* both, in this order */
} PPoolExitState;

/* Embedded in what it is for; in the manager's thread. */
typedef struct
{
  PPoolChild *child; /* (owned) (nullable) */
  PPoolExitState state;
  gboolean with_group; /* what it has started ends with it */
  int wait_status;
  gboolean status_is_lost;       /* somebody else has reaped it … */
  gboolean children_are_ignored; /* … which the kernel did */
  gint64 time; /* when that was seen, or 0 */
} PPoolExit;

gboolean ppool_exit_is_reaped (const PPoolExit *self);
void     ppool_exit_signal    (PPoolExit       *self,
                               int              number);
void     ppool_exit_kill      (PPoolExit       *self);
void     ppool_exit_note      (PPoolExit       *self,
                               int              wait_status,
                               gboolean         is_lost);
gint64   ppool_exit_get_time  (const PPoolExit *self);
gboolean ppool_exit_was_killed (const PPoolExit *self);
char    *ppool_exit_dup_core   (const PPoolExit *self);
void     ppool_exit_tell      (const PPoolExit *self,
                               PPoolVerdict    *verdict);

G_END_DECLS
