/* crash-cell.c: how a worker comes to an end, and where
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "crash-cell.h"

#include <ppool-glib/ppool-glib.h>

static const guint worker_numbers[] = { 1, 2, 5 };

/* Steps of raw-worker, with %1 and %2 for the gates; without any, it is a worker
 * of the library that has the function “obey”. All workers come to the first
 * gate, where they are told what to do. */
static const struct
{
  const char *name;
  const char *steps;
} stages[CRASH_N_STAGES] = {
  [CRASH_STARTING] = { "starting", "obey:%1 init serve" },
  [CRASH_HANDSHAKE] = { "handshake", "auth obey:%1 greet info serve" },
  [CRASH_INITIALIZER] = { "initializer", NULL },
  [CRASH_IDLE] = { "idle", "init call gate:%1 return obey:%2 serve" },
  [CRASH_RECEIVED] = { "received", "init call obey:%1 return serve" },
  [CRASH_RUNNING] = { "running", NULL },
  [CRASH_AHEAD] = { "ahead", NULL },
  [CRASH_HALF_SENT] = { "half-sent", "init call obey:%1 return serve" },
  [CRASH_RECYCLING] = { "recycling", "init call obey:%1 return until-exit farewell" },
  [CRASH_SHUTTING_DOWN] = { "shutting-down", "init call obey:%1 return serve" },
  [CRASH_LEAVING] = { "leaving", "init call obey:%1 return until-exit farewell" },
};

/* What the worker is told to do, and what every error says of it then. */
static const struct
{
  const char *name;
  const char *order;
  const char *text;
} fates[CRASH_N_FATES] = {
  [CRASH_BY_ERROR] = { "error", "return-error:org.example.Told;serve", NULL },
  [CRASH_BY_EXIT_0] = { "exit-0", "exit:0", "status 0" },
  [CRASH_BY_EXIT_3] = { "exit-3", "exit:3", "status 3" },
  [CRASH_BY_SEGV] = { "segv", "kill:11", "SIGSEGV" },
  [CRASH_BY_KILL] = { "kill", "kill:9", "SIGKILL" },
  [CRASH_BY_CLOSING] = { "closing", "close;hang", NULL },
  [CRASH_BY_GARBAGE] = { "garbage", "garbage;hang", NULL },
  [CRASH_BY_STOP] = { "stop", "kill:19;hang", "SIGKILL" },
  [CRASH_BY_PEER] = { "peer", NULL, "SIGKILL" },
  [CRASH_BY_MUTUAL] = { "mutual", NULL, "SIGKILL" },
};

static const char * const waitings[CRASH_N_WAITINGS] = {
  [CRASH_FOR_THREAD] = "for-thread",
  [CRASH_FOR_CALLBACK] = "for-callback",
  [CRASH_FOR_NOBODY] = "for-nobody",
  [CRASH_IN_CALLBACK] = "in-callback",
};

guint
crash_cell_count (void)
{
  return CRASH_N_STAGES * CRASH_N_FATES * G_N_ELEMENTS (worker_numbers) * CRASH_N_WAITINGS;
}

void
crash_cell_init (CrashCell *self,
                 guint      index)
{
  self->waiting = index % CRASH_N_WAITINGS;
  index /= CRASH_N_WAITINGS;
  self->n_workers = worker_numbers[index % G_N_ELEMENTS (worker_numbers)];
  index /= G_N_ELEMENTS (worker_numbers);
  self->fate = index % CRASH_N_FATES;
  self->stage = index / CRASH_N_FATES;
}

char *
crash_cell_get_path (const CrashCell *self)
{
  return g_strdup_printf ("/crash/%s/%s/%u-workers/%s", stages[self->stage].name,
                          fates[self->fate].name, self->n_workers, waitings[self->waiting]);
}

/* (nullable): why there can't be such a cell. */
const char *
crash_cell_get_hole (const CrashCell *self)
{
  if (self->fate == CRASH_BY_ERROR && self->stage == CRASH_IDLE)
    return "an idle worker has nothing to answer with an error";

  if (self->fate == CRASH_BY_ERROR && self->stage == CRASH_HALF_SENT)
    return "half a result is not followed by an error";

  if (self->n_workers == 1 && (self->fate == CRASH_BY_PEER || self->fate == CRASH_BY_MUTUAL))
    return "there is no other worker";

  return NULL;
}

gboolean
crash_cell_is_leaving (const CrashCell *self)
{
  return self->stage == CRASH_RECYCLING || self->stage == CRASH_LEAVING;
}

static gboolean
is_before_ready (const CrashCell *self)
{
  return self->stage <= CRASH_INITIALIZER;
}

CrashEffect
crash_cell_get_effect (const CrashCell *self)
{
  if (crash_cell_is_leaving (self))
    return CRASH_IS_NOTHING;

  return self->fate == CRASH_BY_ERROR && !is_before_ready (self) ? CRASH_FAILS_CALL : CRASH_BREAKS;
}

/* The code of the executor's error. */
int
crash_cell_get_cause (const CrashCell *self)
{
  if (crash_cell_get_effect (self) != CRASH_BREAKS)
    return -1;

  /* In place of the authentication, garbage is as good as silence. */
  if (self->stage == CRASH_STARTING)
    return PPOOL_ERROR_LAUNCH;

  if (self->fate == CRASH_BY_GARBAGE)
    return PPOOL_ERROR_PROTOCOL;

  if (self->stage == CRASH_HANDSHAKE)
    return PPOOL_ERROR_LAUNCH;

  return self->stage == CRASH_INITIALIZER ? PPOOL_ERROR_INITIALIZER : PPOOL_ERROR_WORKER_DIED;
}

/* (nullable): of raw-worker. */
const char *
crash_cell_get_steps (const CrashCell *self)
{
  return stages[self->stage].steps;
}

/* (nullable): NULL if it is for others to do something. */
const char *
crash_cell_get_order (const CrashCell *self)
{
  if (self->fate == CRASH_BY_ERROR && self->stage == CRASH_HANDSHAKE)
    return "refuse:as it was told;hang";

  if (self->fate == CRASH_BY_ERROR && crash_cell_is_leaving (self))
    return "return-error:org.example.Told;exit:0";

  return fates[self->fate].order;
}

/* (nullable): what every error of the broken pool says. */
const char *
crash_cell_get_text (const CrashCell *self)
{
  if (self->fate != CRASH_BY_ERROR)
    return fates[self->fate].text;

  return self->stage == CRASH_STARTING ? "/no/such/program" : "as it was told";
}
