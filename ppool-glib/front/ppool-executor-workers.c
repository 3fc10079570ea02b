/* ppool-executor-workers.c: what an executor tells of its workers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"

#include "ppool-worker-status-private.h"

static guint signals[PPOOL_EVENT_N_TYPES];

void
ppool_executor_add_worker_signals (PPoolExecutorClass *klass)
{
  /**
   * PPoolExecutor::worker-started:
   * @self: the executor
   * @status: the worker
   *
   * Emitted when a worker is ready for calls, after its
   * [property@PPool.Executor:initializer] has returned.
   *
   * It is not emitted for a worker that ends before, for example because its program
   * does not exist.
   *
   * **Threads**: emitted in the main context that was the thread-default one when the
   * executor was created. The worker may have exited meanwhile. The handler may call all
   * methods of the executor and drop its last reference.
   *
   * Since: 1.0
   */
  signals[PPOOL_EVENT_STARTED] =
    g_signal_new ("worker-started", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                  NULL, G_TYPE_NONE, 1, PPOOL_TYPE_WORKER_STATUS);

  /**
   * PPoolExecutor::worker-exited:
   * @self: the executor
   * @status: the worker
   * @error: (nullable): why the worker died or could not be started, or which call it was
   *   ended for; otherwise `NULL`
   *
   * Emitted when a worker has exited, once for each.
   *
   * [property@PPool.WorkerStatus:exit-reason] tells why. If the worker died, @error
   * describes its death, with the code `PPOOL_ERROR_WORKER_DIED`, or
   * `PPOOL_ERROR_PROTOCOL` if it was killed because it sent an invalid message. If it was
   * ended because its call took too long or was aborted, the code is
   * `PPOOL_ERROR_TIMED_OUT` or `G_IO_ERROR_CANCELLED`. In these cases
   * [property@PPool.WorkerStatus:death] has the facts. If the worker was asked to exit, or was
   * ended together with all others, @error is `NULL`.
   *
   * It is also emitted for workers that have ended before they were ready and for which
   * [signal@PPool.Executor::worker-started] was not emitted. Unless they were asked to exit,
   * the code of @error is `PPOOL_ERROR_LAUNCH`, `PPOOL_ERROR_INITIALIZER` or
   * `PPOOL_ERROR_PROTOCOL`. If no process could be started,
   * [property@PPool.WorkerStatus:pid] is 0.
   *
   * The call that the worker ran has completed before, although its done callbacks may come
   * later. When [property@PPool.Executor:state] is notified of
   * `PPOOL_EXECUTOR_STATE_SHUT_DOWN`, this signal was emitted for all workers.
   *
   * **Threads**: emitted in the main context that was the thread-default one when the
   * executor was created, in the order in which workers become ready and exit, and not
   * after the last reference to the executor was dropped. The handler may call all methods
   * of the executor and drop its last reference.
   *
   * Since: 1.0
   */
  signals[PPOOL_EVENT_EXITED] =
    g_signal_new ("worker-exited", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                  NULL, G_TYPE_NONE, 2, PPOOL_TYPE_WORKER_STATUS, G_TYPE_ERROR);
}

const guint *
ppool_executor_get_worker_signals (void)
{
  return signals;
}

/* (transfer full): the executor has it from the start of the worker to its exit. */
static PPoolWorkerStatus *
dup_status (PPoolExecutor *self,
            PPoolEvent    *event)
{
  PPoolWorkerStatus *status;

  if (event->type == PPOOL_EVENT_EXITED)
    {
      if (g_hash_table_steal_extended (self->statuses, event->facts, NULL, (gpointer *) &status))
        return status;
      return ppool_worker_status_new (event->facts);
    }

  /* The facts are held by the status, so that nothing else gets their address. */
  status = ppool_worker_status_new (event->facts);
  g_hash_table_insert (self->statuses, event->facts, g_object_ref (status));

  return status;
}

/* Tells one thing that has happened, in the context of the constructor: a handler that drops
 * the executor hears nothing more. Returns: whether there is more to tell */
gboolean
ppool_executor_tell_worker (PPoolExecutor *self)
{
  gboolean has_more;
  g_autoptr (PPoolEvent) event = ppool_pool_take_event (self->pool, &has_more);
  g_autoptr (PPoolWorkerStatus) status = NULL;

  if (event == NULL)
    return FALSE;

  status = dup_status (self, event);
  if (event->type == PPOOL_EVENT_STARTED)
    {
      g_signal_emit (self, signals[event->type], 0, status);
      return has_more;
    }

  ppool_worker_status_notify_exit (status);
  g_signal_emit (self, signals[event->type], 0, status, event->reason);

  return has_more;
}
