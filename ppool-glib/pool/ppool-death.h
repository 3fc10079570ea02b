/* ppool-death.h: how a worker died that ran a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <glib-object.h>

#include "ppool-enums.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_DEATH (ppool_death_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolDeath, ppool_death, PPOOL, DEATH, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolDeathCause ppool_death_get_cause          (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
guint           ppool_death_get_worker_pid     (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
int             ppool_death_get_signal_number  (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
int             ppool_death_get_exit_status    (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
const char     *ppool_death_get_function       (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
gint64          ppool_death_get_run_time       (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
const char     *ppool_death_get_stderr_tail    (PPoolDeath *self);
PPOOL_AVAILABLE_IN_1_0
const char     *ppool_death_get_message        (PPoolDeath *self);

G_END_DECLS
