/* ppool-map-read.c: reading a map, and whose turn it is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

#include "ppool-future-private.h"
#include "ppool-reply-private.h"
#include "ppool-waiter-private.h"
#include "ppool-watch-private.h"

/* Who wants a value stands in the queue of reads. The first one has the turn: it
 * alone draws inputs, without a lock, takes from the window, and waits for the
 * call at the head of it. Whoever leaves wakes the next one.
 *
 * A read that blocks is on its thread's stack and waits for its turn on a
 * condition, then for the call. One that doesn't has a completion that brings it
 * to its main context: fired when its turn comes; then, if there is something to
 * wait for, a second one, fired by the call, the map's time limit or its
 * cancellation; or by the read's own cancellable. The completions hold the read,
 * which holds the map. Nothing holds the context, and one that is freed takes its
 * reads out of the queue. */

typedef struct
{
  PPoolMapRead read;
  PPoolReply reply;  /* its source is the map */
  PPoolMapFailed failed;
  PPoolWatch *watch; /* (owned) (nullable): of the call that it waits for */
} AsyncRead;

static gboolean
has_turn (PPoolMap     *self,
          PPoolMapRead *read)
{
  return g_queue_peek_head_link (&self->reads) == &read->link;
}

/* Stands in the queue from now on. */
static void
enter (PPoolMap     *self,
       PPoolMapRead *read)
{
  self->started = TRUE;
  read->link.data = read;
  g_queue_push_tail_link (&self->reads, &read->link);
}

static void
leave (PPoolMap     *self,
       PPoolMapRead *read)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  PPoolMapRead *next = NULL;

  g_mutex_lock (&self->lock);
  if (has_turn (self, read) && read->link.next != NULL)
    next = read->link.next->data;
  g_queue_unlink (&self->reads, &read->link);
  read->link.data = NULL;
  if (next != NULL && next->completion != NULL)
    completion = ppool_completion_ref (next->completion);
  if (self->reads.length > 0)
    g_cond_broadcast (&self->turn);
  g_mutex_unlock (&self->lock);

  if (completion != NULL)
    ppool_completion_fire (completion);
}

/* What a read returned last, of which nobody who returns later knows. Takes @failed. */
static void
note_failed (PPoolMap       *self,
             PPoolMapFailed  failed)
{
  PPoolRecord *before;

  g_mutex_lock (&self->lock);
  before = self->failed.record;
  self->failed = failed;
  g_mutex_unlock (&self->lock);

  g_clear_pointer (&before, ppool_record_unref);
}

/* Blocking */

typedef struct
{
  PPoolMap *map;      /* (unowned) */
  PPoolMapRead *read; /* (unowned) */
} Turn;

static gboolean
turn_has_come (gpointer data)
{
  const Turn *turn = data;

  return has_turn (turn->map, turn->read);
}

static gboolean
wait_for_turn (PPoolMap     *self,
               PPoolMapRead *read,
               gint64        deadline)
{
  Turn turn = { self, read };
  const PPoolWaiter waiter = { &self->lock, &self->turn, NULL, turn_has_come, &turn };

  g_mutex_lock (&self->lock);
  enter (self, read);
  g_mutex_unlock (&self->lock);

  return ppool_waiter_wait (&waiter, deadline < G_MAXINT64 ? deadline : -1, NULL) ==
         PPOOL_WAITER_MET;
}

static int
msec_until (gint64 deadline)
{
  gint64 rest;

  if (deadline == G_MAXINT64)
    return -1;

  rest = deadline - g_get_monotonic_time ();

  return (int) CLAMP ((rest + G_TIME_SPAN_MILLISECOND - 1) / G_TIME_SPAN_MILLISECOND, 0, G_MAXINT);
}

/* Returns FALSE if the time of the read was up. */
static gboolean
take_when_ready (PPoolMap        *self,
                 gint64           deadline,
                 GVariant       **value,
                 PPoolMapFailed  *failed,
                 GError         **error)
{
  PPoolRecord *head = NULL;

  ppool_map_fill (self);
  while (!ppool_map_take (self, &head, value, failed, error))
    {
      g_autoptr (PPoolRecord) record = g_steal_pointer (&head);

      if (deadline < G_MAXINT64 && g_get_monotonic_time () >= deadline)
        return FALSE;

      ppool_outcome_wait (&record->outcome,
                          msec_until (MIN (deadline, ppool_map_get_deadline (self))),
                          self->cancellable, NULL);
    }

  return TRUE;
}

static gboolean
is_drawing (PPoolMap *self)
{
  gboolean drawing;

  g_mutex_lock (&self->lock);
  drawing = self->drawing == g_thread_self ();
  g_mutex_unlock (&self->lock);

  return drawing;
}

/**
 * ppool_map_next_value:
 * @self: a map
 * @timeout_msec: the maximum time to wait, in milliseconds; 0 doesn't wait, -1
 *   is no limit
 * @error: return location for an error
 *
 * Waits for the next result and gets it.
 *
 * The first read submits the first calls. Each further read submits calls as
 * long as the buffer has room.
 *
 * It fails with the error of the first call that failed, see
 * [method@PPool.Future.result]; with the error that the input function set; with the
 * error of [method@PPool.Executor.submit] if the executor accepts no more calls; with
 * `G_IO_ERROR_CANCELLED` after [method@PPool.Map.cancel]; and with
 * `G_IO_ERROR_TIMED_OUT` if [property@PPool.Map:timeout-msec] has passed. Each of these
 * errors ends the map, except for the error of a call if
 * [property@PPool.Map:stop-on-error] is `FALSE`. It also fails with
 * `G_IO_ERROR_TIMED_OUT` if there is no result within @timeout_msec, and with
 * `G_IO_ERROR_PENDING` if the input function calls it; in these cases the map is not
 * changed.
 *
 * @timeout_msec does not limit the input function, which can't be stopped.
 *
 * **Threads**: may be called from any thread, and blocks it. No main context is
 * iterated and none is needed. Reads are served one after another, in the order
 * of their calls; a read that follows a [method@PPool.Map.next_value_async]
 * also waits for the main context of that one.
 *
 * Returns: (transfer full) (nullable): the value; or `NULL` without @error set at
 *   the end, or with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_map_next_value (PPoolMap  *self,
                      int        timeout_msec,
                      GError   **error)
{
  gint64 deadline = G_MAXINT64;
  PPoolMapRead read = { 0 };
  PPoolMapFailed failed = { 0 };
  GVariant *value = NULL;
  gboolean in_time;

  g_return_val_if_fail (ppool_map_is_usable (self), NULL);
  g_return_val_if_fail (timeout_msec >= -1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!ppool_pool_check (self->pool, error))
    return NULL;

  if (is_drawing (self))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                   "The map of “%s” is read from its own input function", self->spec->function);
      return NULL;
    }

  if (timeout_msec >= 0)
    deadline = g_get_monotonic_time () + timeout_msec * G_TIME_SPAN_MILLISECOND;

  in_time = wait_for_turn (self, &read, deadline) &&
            take_when_ready (self, deadline, &value, &failed, error);
  leave (self, &read);
  note_failed (self, failed);

  if (!in_time)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "The map of “%s” had no result within %d ms", self->spec->function, timeout_msec);

  return value;
}

/* Not blocking */

static void
clear_watch (AsyncRead *self)
{
  if (self->watch != NULL)
    ppool_watch_stop (self->watch);
  g_clear_pointer (&self->watch, ppool_watch_unref);
}

static void
free_async_read (gpointer data)
{
  AsyncRead *self = data;

  /* Its context was freed. */
  if (self->read.link.data != NULL)
    leave (self->reply.source_object, &self->read);

  clear_watch (self);
  g_clear_pointer (&self->failed.record, ppool_record_unref);
  g_clear_pointer (&self->read.completion, ppool_completion_unref);
  ppool_reply_clear (&self->reply);
}

static void
unref_async_read (gpointer data)
{
  g_atomic_rc_box_release_full (data, free_async_read);
}

static void async_read_due_cb (gpointer data);

/* To be called with the read's context as the thread-default one. */
static PPoolCompletion *
make_completion (AsyncRead *self)
{
  PPoolCompletion *completion =
    ppool_completion_new (async_read_due_cb, g_atomic_rc_box_acquire (self), unref_async_read);

  ppool_completion_set_cancellable (completion, self->reply.cancellable);

  return completion;
}

static void
wait_for_record (AsyncRead   *self,
                 PPoolRecord *record)
{
  PPoolCompletion *completion = make_completion (self);
  g_autoptr (PPoolCompletion) before = NULL;
  PPoolMap *map = self->reply.source_object;
  gint64 deadline = ppool_map_get_deadline (map);
  gboolean cancelled;

  clear_watch (self);
  self->watch = ppool_watch_new (record);

  g_mutex_lock (&map->lock);
  before = self->read.completion;
  self->read.completion = completion;
  cancelled = map->cancelled;
  g_mutex_unlock (&map->lock);

  ppool_watch_start (self->watch, completion);
  if (cancelled)
    ppool_completion_fire (completion);
  if (deadline < G_MAXINT64)
    ppool_completion_set_deadline (completion, deadline);
}

/* Returns FALSE if there is something to wait for. Without its turn, a read was
 * cancelled. */
static gboolean
advance (AsyncRead  *self,
         GVariant  **value,
         GError    **error)
{
  PPoolMap *map = self->reply.source_object;
  g_autoptr (PPoolRecord) head = NULL;
  gboolean turn;

  g_mutex_lock (&map->lock);
  turn = has_turn (map, &self->read);
  g_mutex_unlock (&map->lock);

  if (!turn || g_cancellable_is_cancelled (self->reply.cancellable))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                   "Reading the map of “%s” was cancelled", map->spec->function);
      return TRUE;
    }

  ppool_map_fill (map);
  if (!ppool_map_take (map, &head, value, &self->failed, error))
    wait_for_record (self, head);

  return head == NULL;
}

static void
free_failed (gpointer data)
{
  PPoolMapFailed *failed = data;

  ppool_record_unref (failed->record);
  g_free (failed);
}

static void
tell (AsyncRead *self,
      GVariant  *value,
      GError    *error)
{
  g_autoptr (GTask) task = ppool_reply_new_task (&self->reply, FALSE, ppool_map_next_value_async);

  if (self->failed.record != NULL)
    {
      g_task_set_task_data (task, g_memdup2 (&self->failed, sizeof self->failed), free_failed);
      self->failed.record = NULL;
    }

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, value, (GDestroyNotify) g_variant_unref);
}

static void
async_read_due_cb (gpointer data)
{
  AsyncRead *self = data;
  GMainContext *context = g_source_get_context (g_main_current_source ());
  GVariant *value = NULL;
  GError *error = NULL;

  g_main_context_push_thread_default (context);
  if (advance (self, &value, &error))
    {
      leave (self->reply.source_object, &self->read);
      tell (self, value, error);
    }
  g_main_context_pop_thread_default (context);
}

/* The read is in the queue before it can be cancelled. */
static void
start_async_read (PPoolMap  *self,
                  AsyncRead *async_read)
{
  PPoolMapRead *read = &async_read->read;
  PPoolCompletion *completion;
  gboolean fire;

  g_mutex_lock (&self->lock);
  enter (self, read);
  g_mutex_unlock (&self->lock);

  completion = make_completion (async_read);

  g_mutex_lock (&self->lock);
  read->completion = completion;
  fire = has_turn (self, read);
  g_mutex_unlock (&self->lock);

  if (fire)
    ppool_completion_fire (completion);
}

/**
 * ppool_map_next_value_async:
 * @self: a map
 * @cancellable: (nullable): stops the waiting, not the map
 * @callback: (nullable) (scope async): called when there is a result
 * @user_data: data for @callback
 *
 * Waits asynchronously for the next result.
 *
 * [method@PPool.Map.next_value_finish] gets the value. Reads may overlap: they
 * are served one after another, in the order of their calls. The result of a
 * read that was cancelled goes to the next read.
 *
 * **Threads**: may be called from any thread; @callback, and the input function if
 * there is one, run in the main context that is the caller's thread-default one.
 * If that context is not iterated, the reads that follow this one wait; if it is
 * freed, they continue.
 *
 * Since: 1.0
 */
void
ppool_map_next_value_async (PPoolMap            *self,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  GError *error = NULL;
  AsyncRead *async_read;

  g_return_if_fail (ppool_map_is_usable (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (!ppool_pool_check (self->pool, &error))
    {
      g_task_report_error (self, callback, user_data, ppool_map_next_value_async, error);
      return;
    }

  async_read = g_atomic_rc_box_new0 (AsyncRead);
  ppool_reply_init (&async_read->reply, self, cancellable, callback, user_data);
  start_async_read (self, async_read);
  unref_async_read (async_read);
}

/**
 * ppool_map_next_value_finish:
 * @self: a map
 * @result: the result passed to the callback
 * @error: return location for an error
 *
 * Gets the value that [method@PPool.Map.next_value_async] waited for.
 *
 * It fails as [method@PPool.Map.next_value] does, and with
 * `G_IO_ERROR_CANCELLED` if the wait was cancelled.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full) (nullable): the value; or `NULL` without @error set at
 *   the end, or with @error set
 *
 * Since: 1.0
 */
GVariant *
ppool_map_next_value_finish (PPoolMap      *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  PPoolMapFailed *told, failed = { 0 };

  g_return_val_if_fail (ppool_map_is_usable (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  told = g_task_get_task_data (G_TASK (result));
  if (told != NULL)
    failed = (PPoolMapFailed) { ppool_record_ref (told->record), told->index };
  if (ppool_pool_check (self->pool, NULL))
    note_failed (self, failed);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * ppool_map_get_failed_future:
 * @self: a map
 * @index: (out) (optional): return location for the index of the input, from 0
 *
 * Gets the call that failed, after a read that returned its error.
 *
 * It is about the read that returned last, in any thread, and has what the error alone does not:
 * [method@PPool.Future.get_death] and [method@PPool.Future.get_n_attempts], for example. If it
 * returns `NULL` after an error, the error is that of the map or of the wait, see
 * [method@PPool.Map.next_value]. @index is set to 0 then.
 *
 * **Threads**: may be called from any thread. Where several threads read the map, each
 * overwrites what it returns.
 *
 * Returns: (transfer full) (nullable): the future of the call, or `NULL` if the last read
 *   returned a value, the end or another error, or there was none
 *
 * Since: 1.0
 */
PPoolFuture *
ppool_map_get_failed_future (PPoolMap *self,
                             guint64  *index)
{
  PPoolRecord *record = NULL;
  guint64 place = 0;

  g_return_val_if_fail (ppool_map_is_usable (self), NULL);

  if (ppool_pool_check (self->pool, NULL))
    {
      g_mutex_lock (&self->lock);
      if (self->failed.record != NULL)
        record = ppool_record_ref (self->failed.record);
      place = self->failed.index;
      g_mutex_unlock (&self->lock);
    }

  if (index != NULL)
    *index = place;

  return record != NULL ? ppool_future_new (record, NULL) : NULL;
}
