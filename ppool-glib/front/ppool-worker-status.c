/* ppool-worker-status.c: one worker of an executor, for programs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-worker-status-private.h"

#include "ppool-enum-types.h"

/**
 * PPoolWorkerStatus:
 *
 * A worker of an executor.
 *
 * [signal@PPool.Executor::worker-started] and [signal@PPool.Executor::worker-exited] pass
 * the same object for the same worker. It can be kept after the worker has exited, and
 * does not keep the executor.
 *
 * It does not know calls. To find the call that a worker has ended with, compare
 * [property@PPool.WorkerStatus:pid] with [method@PPool.Future.get_worker_pid] of the futures that
 * are not done; [property@PPool.WorkerStatus:death] has the name of the function.
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread. `notify` is emitted in the main
 * context in which the signals of the executor are.
 *
 * Since: 1.0
 */

struct _PPoolWorkerStatus
{
  GObject parent_instance;

  PPoolFacts *facts; /* (owned): constant */
};

typedef enum
{
  PROP_SLOT = 1,
  PROP_PID,
  PROP_EXIT_REASON,
  PROP_DEATH,
} PPoolWorkerStatusProperty;

static GParamSpec *props[PROP_DEATH + 1];

G_DEFINE_FINAL_TYPE (PPoolWorkerStatus, ppool_worker_status, G_TYPE_OBJECT)

static void
ppool_worker_status_get_property (GObject    *object,
                                  guint       property_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  PPoolWorkerStatus *self = PPOOL_WORKER_STATUS (object);

  switch ((PPoolWorkerStatusProperty) property_id)
    {
    case PROP_SLOT:
      g_value_set_uint (value, ppool_worker_status_get_slot (self));
      break;
    case PROP_PID:
      g_value_set_uint (value, ppool_worker_status_get_pid (self));
      break;
    case PROP_EXIT_REASON:
      g_value_set_enum (value, (int) ppool_worker_status_get_exit_reason (self));
      break;
    case PROP_DEATH:
      g_value_take_object (value, ppool_worker_status_get_death (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_worker_status_finalize (GObject *object)
{
  PPoolWorkerStatus *self = PPOOL_WORKER_STATUS (object);

  g_clear_pointer (&self->facts, ppool_facts_unref);

  G_OBJECT_CLASS (ppool_worker_status_parent_class)->finalize (object);
}

static void
ppool_worker_status_class_init (PPoolWorkerStatusClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_worker_status_get_property;
  object_class->finalize = ppool_worker_status_finalize;

  /**
   * PPoolWorkerStatus:slot:
   *
   * The number of the worker in its executor, from 0.
   *
   * It is the smallest number that no other worker of the executor has at that time, and
   * can be given to another worker after this one has exited. Numbers are below
   * [property@PPool.Executor:max-workers], unless workers that have died or are being
   * ended have not exited yet when others take their places.
   *
   * Since: 1.0
   */
  props[PROP_SLOT] =
    g_param_spec_uint ("slot", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolWorkerStatus:pid:
   *
   * The process ID of the worker, or 0 if no process could be started.
   *
   * After the worker has exited, another process can have the same ID.
   *
   * Since: 1.0
   */
  props[PROP_PID] =
    g_param_spec_uint ("pid", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolWorkerStatus:exit-reason:
   *
   * The reason for which the worker has exited, or `PPOOL_WORKER_EXIT_REASON_NONE`.
   *
   * **Threads**: `notify` is emitted immediately before
   * [signal@PPool.Executor::worker-exited], in the same main context; the value is always
   * exact.
   *
   * Since: 1.0
   */
  props[PROP_EXIT_REASON] =
    g_param_spec_enum ("exit-reason", NULL, NULL, PPOOL_TYPE_WORKER_EXIT_REASON,
                       PPOOL_WORKER_EXIT_REASON_NONE,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolWorkerStatus:death:
   *
   * The death of the worker, or `NULL`.
   *
   * There is one if the worker died after it was ready, or was ended because its call took too
   * long or was aborted. If it ran a call, [method@PPool.Future.get_death] returns the same.
   *
   * **Threads**: `notify` is emitted immediately before
   * [signal@PPool.Executor::worker-exited], in the same main context; the value is always
   * exact.
   *
   * Since: 1.0
   */
  props[PROP_DEATH] =
    g_param_spec_object ("death", NULL, NULL, PPOOL_TYPE_DEATH,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
ppool_worker_status_init (PPoolWorkerStatus *self G_GNUC_UNUSED)
{
}

PPoolWorkerStatus *
ppool_worker_status_new (PPoolFacts *facts)
{
  PPoolWorkerStatus *self = g_object_new (PPOOL_TYPE_WORKER_STATUS, NULL);

  self->facts = ppool_facts_ref (facts);

  return self;
}

void
ppool_worker_status_notify_exit (PPoolWorkerStatus *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_EXIT_REASON]);
  if (self->facts->death != NULL)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_DEATH]);
}

/**
 * ppool_worker_status_get_slot:
 * @self: a worker
 *
 * Gets the number of the worker in its executor.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number, from 0
 *
 * Since: 1.0
 */
guint
ppool_worker_status_get_slot (PPoolWorkerStatus *self)
{
  g_return_val_if_fail (PPOOL_IS_WORKER_STATUS (self), 0);

  return self->facts != NULL ? self->facts->slot : 0;
}

/**
 * ppool_worker_status_get_pid:
 * @self: a worker
 *
 * Gets the process ID of the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the process ID, or 0 if no process could be started
 *
 * Since: 1.0
 */
guint
ppool_worker_status_get_pid (PPoolWorkerStatus *self)
{
  g_return_val_if_fail (PPOOL_IS_WORKER_STATUS (self), 0);

  return self->facts != NULL ? self->facts->pid : 0;
}

/**
 * ppool_worker_status_get_exit_reason:
 * @self: a worker
 *
 * Gets the reason for which the worker has exited.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the reason, or `PPOOL_WORKER_EXIT_REASON_NONE` if it has not exited
 *
 * Since: 1.0
 */
PPoolWorkerExitReason
ppool_worker_status_get_exit_reason (PPoolWorkerStatus *self)
{
  g_return_val_if_fail (PPOOL_IS_WORKER_STATUS (self), PPOOL_WORKER_EXIT_REASON_NONE);

  return self->facts != NULL ? ppool_facts_get_exit_reason (self->facts) :
                               PPOOL_WORKER_EXIT_REASON_NONE;
}

/**
 * ppool_worker_status_get_death:
 * @self: a worker
 *
 * Gets the death of the worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): the death, or `NULL` if the worker has not exited, was
 *   asked to, or ended before it was ready
 *
 * Since: 1.0
 */
PPoolDeath *
ppool_worker_status_get_death (PPoolWorkerStatus *self)
{
  g_return_val_if_fail (PPOOL_IS_WORKER_STATUS (self), NULL);

  return self->facts != NULL ? ppool_facts_ref_death (self->facts) : NULL;
}
