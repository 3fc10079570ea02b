/* ppool-death.c: how a worker died that ran a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-death-private.h"

#include <signal.h>
#include <sys/wait.h>

#include "ppool-enum-types.h"

/**
 * PPoolDeath:
 *
 * The death of a worker.
 *
 * [method@PPool.Future.get_death] returns it for a call that failed because its worker
 * died, or whose worker was ended to stop the call, and
 * [property@PPool.WorkerStatus:death] also for a worker that ran no call. It has the facts of
 * the error message in a form for programs:
 *
 * ```c
 * g_autoptr (PPoolDeath) death = ppool_future_get_death (future);
 *
 * if (death == NULL)
 *   g_print ("The call has a value, or its function has failed\n");
 * else if (ppool_death_get_signal_number (death) > 0)
 *   g_print ("%s was killed by signal %d\n", ppool_death_get_function (death),
 *            ppool_death_get_signal_number (death));
 * else
 *   g_print ("%s\n", ppool_death_get_message (death));
 * ```
 *
 * The [property@PPool.Death:cause] tells which facts there are:
 *
 * - `PPOOL_DEATH_CAUSE_SIGNAL`, `PPOOL_DEATH_CAUSE_KILLED` and `PPOOL_DEATH_CAUSE_LIMIT`: the
 *   signal number; the exit status is -1.
 * - `PPOOL_DEATH_CAUSE_EXIT`: the exit status; the signal number is 0.
 * - `PPOOL_DEATH_CAUSE_OUT_OF_MEMORY` and `PPOOL_DEATH_CAUSE_ENDED`: the signal number, or the
 *   exit status if the worker has exited by itself.
 * - `PPOOL_DEATH_CAUSE_CLOSED`, `PPOOL_DEATH_CAUSE_PROTOCOL` and `PPOOL_DEATH_CAUSE_UNKNOWN`:
 *   neither.
 *
 * For a worker that ran no call, the function is `NULL` and the run time -1.
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread.
 *
 * Since: 1.0
 */

struct _PPoolDeath
{
  GObject parent_instance;

  /* Constant. */
  PPoolDeathCause cause;
  guint worker_pid;
  int signal_number;
  int exit_status;
  char *function; /* (owned) (nullable) */
  gint64 run_time;
  char *stderr_tail; /* (owned) (nullable) */
  char *message; /* (owned) (nullable) */
};

typedef enum
{
  PROP_CAUSE = 1,
  PROP_WORKER_PID,
  PROP_SIGNAL_NUMBER,
  PROP_EXIT_STATUS,
  PROP_FUNCTION,
  PROP_RUN_TIME,
  PROP_STDERR_TAIL,
  PROP_MESSAGE,
} PPoolDeathProperty;

static GParamSpec *props[PROP_MESSAGE + 1];

G_DEFINE_FINAL_TYPE (PPoolDeath, ppool_death, G_TYPE_OBJECT)

static void
ppool_death_get_property (GObject    *object,
                          guint       property_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  PPoolDeath *self = PPOOL_DEATH (object);

  switch ((PPoolDeathProperty) property_id)
    {
    case PROP_CAUSE:
      g_value_set_enum (value, (int) self->cause);
      break;
    case PROP_WORKER_PID:
      g_value_set_uint (value, self->worker_pid);
      break;
    case PROP_SIGNAL_NUMBER:
      g_value_set_int (value, self->signal_number);
      break;
    case PROP_EXIT_STATUS:
      g_value_set_int (value, self->exit_status);
      break;
    case PROP_FUNCTION:
      g_value_set_string (value, self->function);
      break;
    case PROP_RUN_TIME:
      g_value_set_int64 (value, self->run_time);
      break;
    case PROP_STDERR_TAIL:
      g_value_set_string (value, self->stderr_tail);
      break;
    case PROP_MESSAGE:
      g_value_set_string (value, self->message);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_death_finalize (GObject *object)
{
  PPoolDeath *self = PPOOL_DEATH (object);

  g_free (self->function);
  g_free (self->stderr_tail);
  g_free (self->message);

  G_OBJECT_CLASS (ppool_death_parent_class)->finalize (object);
}

static void
ppool_death_class_init (PPoolDeathClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_death_get_property;
  object_class->finalize = ppool_death_finalize;

  /**
   * PPoolDeath:cause:
   *
   * The most likely cause.
   *
   * Since: 1.0
   */
  props[PROP_CAUSE] =
    g_param_spec_enum ("cause", NULL, NULL, PPOOL_TYPE_DEATH_CAUSE,
                       PPOOL_DEATH_CAUSE_UNKNOWN, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:worker-pid:
   *
   * The process ID of the worker, or 0 if there was no process.
   *
   * Since: 1.0
   */
  props[PROP_WORKER_PID] =
    g_param_spec_uint ("worker-pid", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:signal-number:
   *
   * The number of the signal that killed the worker, or 0.
   *
   * Since: 1.0
   */
  props[PROP_SIGNAL_NUMBER] =
    g_param_spec_int ("signal-number", NULL, NULL, -1, G_MAXINT, 0,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:exit-status:
   *
   * The exit status of the worker, or -1 if it did not exit or its status is not
   * known.
   *
   * Since: 1.0
   */
  props[PROP_EXIT_STATUS] =
    g_param_spec_int ("exit-status", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:function:
   *
   * The name of the function that the worker ran, or `NULL`.
   *
   * Since: 1.0
   */
  props[PROP_FUNCTION] =
    g_param_spec_string ("function", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:run-time:
   *
   * The time for which the function had run, in microseconds, or -1 if that is not
   * known.
   *
   * Since: 1.0
   */
  props[PROP_RUN_TIME] =
    g_param_spec_int64 ("run-time", NULL, NULL, -1, G_MAXINT64, -1,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:stderr-tail:
   *
   * The end of what the worker wrote to its standard error since it took the call, at most
   * 32 KiB, or `NULL` if there is none or it was not kept.
   *
   * [property@PPool.Death:message] has the first and the last 2 KiB of it if it has more than
   * 4 KiB.
   *
   * Since: 1.0
   */
  props[PROP_STDERR_TAIL] =
    g_param_spec_string ("stderr-tail", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolDeath:message:
   *
   * The description of the death in words, as in the error of the call.
   *
   * Since: 1.0
   */
  props[PROP_MESSAGE] =
    g_param_spec_string ("message", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
ppool_death_init (PPoolDeath *self)
{
  self->exit_status = -1;
  self->run_time = -1;
}

/* The kernel sends these to who is over one. */
static gboolean
is_of_limit (int signal)
{
  return signal == SIGXCPU || signal == SIGXFSZ;
}

static PPoolDeathCause
find_cause (const PPoolVerdict *verdict)
{
  if (verdict->cause != NULL)
    return PPOOL_DEATH_CAUSE_PROTOCOL;
  if (!verdict->exited)
    return PPOOL_DEATH_CAUSE_CLOSED;
  if (verdict->status_is_lost)
    return PPOOL_DEATH_CAUSE_UNKNOWN;
  if (WIFSIGNALED (verdict->wait_status) && is_of_limit (WTERMSIG (verdict->wait_status)))
    return PPOOL_DEATH_CAUSE_LIMIT;
  if (verdict->was_out_of_memory || verdict->said_no_memory)
    return PPOOL_DEATH_CAUSE_OUT_OF_MEMORY;
  if (!WIFSIGNALED (verdict->wait_status))
    return PPOOL_DEATH_CAUSE_EXIT;

  return WTERMSIG (verdict->wait_status) == SIGKILL ? PPOOL_DEATH_CAUSE_KILLED :
                                                      PPOOL_DEATH_CAUSE_SIGNAL;
}

PPoolDeath *
ppool_death_new (const PPoolVerdict *verdict,
                 const char         *message)
{
  PPoolDeath *self = g_object_new (PPOOL_TYPE_DEATH, NULL);

  self->cause = verdict->was_ended ? PPOOL_DEATH_CAUSE_ENDED : find_cause (verdict);
  self->worker_pid = verdict->pid;
  if (verdict->exited && !verdict->status_is_lost && WIFSIGNALED (verdict->wait_status))
    self->signal_number = WTERMSIG (verdict->wait_status);
  else if (verdict->exited && !verdict->status_is_lost)
    self->exit_status = WEXITSTATUS (verdict->wait_status);
  self->function = g_strdup (verdict->function);
  self->run_time = verdict->run_time;
  if (verdict->stderr_tail != NULL && *verdict->stderr_tail != '\0')
    self->stderr_tail = g_strdup (verdict->stderr_tail);
  self->message = g_strdup (message);

  return self;
}

/**
 * ppool_death_get_cause:
 * @self: a death
 *
 * Gets the most likely cause of the death.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the cause
 *
 * Since: 1.0
 */
PPoolDeathCause
ppool_death_get_cause (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), PPOOL_DEATH_CAUSE_UNKNOWN);

  return self->cause;
}

/**
 * ppool_death_get_worker_pid:
 * @self: a death
 *
 * Gets the process ID of the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the process ID, or 0 if there was no process
 *
 * Since: 1.0
 */
guint
ppool_death_get_worker_pid (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), 0);

  return self->worker_pid;
}

/**
 * ppool_death_get_signal_number:
 * @self: a death
 *
 * Gets the signal that killed the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number, or 0
 *
 * Since: 1.0
 */
int
ppool_death_get_signal_number (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), 0);

  return self->signal_number;
}

/**
 * ppool_death_get_exit_status:
 * @self: a death
 *
 * Gets the exit status of the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the status, or -1
 *
 * Since: 1.0
 */
int
ppool_death_get_exit_status (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), -1);

  return self->exit_status;
}

/**
 * ppool_death_get_function:
 * @self: a death
 *
 * Gets the function that the worker ran.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the name
 *
 * Since: 1.0
 */
const char *
ppool_death_get_function (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), NULL);

  return self->function;
}

/**
 * ppool_death_get_run_time:
 * @self: a death
 *
 * Gets the time for which the function had run.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in microseconds, or -1
 *
 * Since: 1.0
 */
gint64
ppool_death_get_run_time (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), -1);

  return self->run_time;
}

/**
 * ppool_death_get_stderr_tail:
 * @self: a death
 *
 * Gets the end of the standard error output of the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the text
 *
 * Since: 1.0
 */
const char *
ppool_death_get_stderr_tail (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), NULL);

  return self->stderr_tail;
}

/**
 * ppool_death_get_message:
 * @self: a death
 *
 * Gets the description of the death in words.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the text
 *
 * Since: 1.0
 */
const char *
ppool_death_get_message (PPoolDeath *self)
{
  g_return_val_if_fail (PPOOL_IS_DEATH (self), NULL);

  return self->message;
}
