/* ppool-map-window.c: the calls of a map that are ahead of its reader
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

#include "ppool-executor-private.h"
#include "ppool-processors-private.h"

/* What is not said is chosen. A window is large enough that no worker waits for
 * the reader while the first result is late; it begins smaller and grows with what
 * is read, so that little was drawn in vain if the reader stops soon. By the size of
 * inputs and results lately, it has no more bytes than this, unless the workers
 * alone need more. */
#define FIRST_PER_WORKER 16
#define MOST_PER_WORKER  512
#define MOST_WORKERS     1024
#define MOST_BYTES       (64 * 1024 * 1024)

/* The part of a window that is drawn at a time, at most. */
#define CHUNKS_PER_WINDOW 8
#define MOST_PER_CHUNK    256

/* A moving average over about so many. */
#define N_SAMPLES 8

static void
sample_size (gsize    *mean,
             GVariant *value)
{
  gsize size = g_variant_get_size (value);

  *mean = *mean == 0 ? size : *mean - *mean / N_SAMPLES + size / N_SAMPLES;
}

static guint
choose_buffer_size (PPoolMap *self)
{
  guint n_workers = ppool_executor_get_max_workers (self->executor);
  gsize size = self->input_size + self->result_size;
  guint64 n;

  /* To look at that takes longer than a short call does. */
  if (n_workers == 0 && self->n_processors == 0)
    self->n_processors = ppool_processors_count ();
  if (n_workers == 0)
    n_workers = self->n_processors;
  n_workers = MIN (n_workers, MOST_WORKERS);

  n = MIN (n_workers * FIRST_PER_WORKER + self->n_read, n_workers * MOST_PER_WORKER);
  if (size > 0)
    n = MIN (n, MOST_BYTES / size);

  return MAX (n, n_workers + 1);
}

/* The monotonic time at which the whole map times out. */
gint64
ppool_map_get_deadline (PPoolMap *self)
{
  if (self->timeout_msec < 0)
    return G_MAXINT64;

  return self->creation_time + self->timeout_msec * G_TIME_SPAN_MILLISECOND;
}

static gboolean
is_late (PPoolMap *self)
{
  gint64 deadline = ppool_map_get_deadline (self);

  return deadline < G_MAXINT64 && g_get_monotonic_time () >= deadline;
}

/* How many calls there may be in the window. When the time is up, the inputs are
 * asked only whether there are any more. */
static guint
get_limit (PPoolMap *self)
{
  if (is_late (self))
    return 1;
  if (self->buffer_size > 0)
    return self->buffer_size;

  return MAX (choose_buffer_size (self), self->chunk_size);
}

static guint
get_least_room (PPoolMap *self,
                guint     limit)
{
  guint chunk_size = self->chunk_size > 0 ? self->chunk_size :
                                            MIN (limit / CHUNKS_PER_WINDOW, MOST_PER_CHUNK);

  return CLAMP (chunk_size, 1, limit);
}

static guint
get_room (PPoolMap *self)
{
  guint limit = get_limit (self);
  guint room;

  g_mutex_lock (&self->lock);
  room = self->drained || self->window.length >= limit ? 0 : limit - self->window.length;
  g_mutex_unlock (&self->lock);

  return room;
}

static void
set_drawing (PPoolMap *self,
             GThread  *thread)
{
  g_mutex_lock (&self->lock);
  self->drawing = thread;
  g_mutex_unlock (&self->lock);
}

/* No call comes behind those in the window, but @error, which may be NULL. */
static void
close_window (PPoolMap *self,
              GError   *error)
{
  g_mutex_lock (&self->lock);
  if (!self->drained)
    self->error = g_steal_pointer (&error);
  self->drained = TRUE;
  g_mutex_unlock (&self->lock);

  g_clear_error (&error);
  ppool_map_inputs_clear (&self->inputs);
}

/* Unless the map was cancelled meanwhile. */
static gboolean
push_record (PPoolMap    *self,
             PPoolRecord *record)
{
  gboolean open;

  g_mutex_lock (&self->lock);
  open = !self->drained;
  if (open)
    g_queue_push_tail (&self->window, ppool_record_ref (record));
  g_mutex_unlock (&self->lock);

  return open;
}

/* Unless likewise. */
static void
pull_record (PPoolMap    *self,
             PPoolRecord *record)
{
  gboolean open;

  g_mutex_lock (&self->lock);
  open = g_queue_peek_tail (&self->window) == record;
  if (open)
    g_queue_pop_tail (&self->window);
  g_mutex_unlock (&self->lock);

  if (open)
    ppool_record_unref (record);
}

static GError *
new_timeout_error (PPoolMap *self)
{
  return g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                      "The map of “%s” still had no result %d ms after its creation",
                      self->function, self->timeout_msec);
}

/* A call is in the window before it is submitted, where cancelling the map meets
 * it in any case. When the time is up, none is submitted: it could be answered so
 * soon that the map never ends. */
static void
draw (PPoolMap *self)
{
  g_autoptr (PPoolRecord) record = NULL;
  g_autoptr (GVariant) args = NULL;
  GError *error = NULL;

  args = ppool_map_inputs_next (&self->inputs, &error);
  if (args == NULL)
    {
      close_window (self, error);
      return;
    }

  if (is_late (self))
    {
      close_window (self, new_timeout_error (self));
      return;
    }

  sample_size (&self->input_size, args);
  record = ppool_executor_make_record (self->executor, self->function, args, &error);
  if (record == NULL)
    {
      close_window (self, error);
      return;
    }

  if (!push_record (self, record) ||
      ppool_executor_submit_record (self->executor, record, &error))
    return;

  pull_record (self, record);
  close_window (self, error);
}

/* Draws inputs and submits calls, as far as there is room for them. */
void
ppool_map_fill (PPoolMap *self)
{
  guint room = get_room (self);

  if (room == 0 || room < get_least_room (self, get_limit (self)))
    return;

  set_drawing (self, g_thread_self ());
  do
    draw (self);
  while (get_room (self) > 0);
  set_drawing (self, NULL);
}

/* Takes the calls: those that have not started never will. */
void
ppool_map_cancel_records (GQueue *records)
{
  PPoolRecord *record;

  while ((record = g_queue_pop_head (records)) != NULL)
    {
      ppool_record_cancel (record);
      ppool_record_abandon (record);
      ppool_record_unref (record);
    }
}

/* With the lock held; what comes behind the window is exchanged for @error. */
static void
take_window (PPoolMap  *self,
             GQueue    *records,
             GError   **error)
{
  GError *before = self->error;

  *records = self->window;
  g_queue_init (&self->window);
  self->error = *error;
  *error = before;
}

static void
end (PPoolMap *self)
{
  GQueue rest = G_QUEUE_INIT;
  GError *error = NULL;

  g_mutex_lock (&self->lock);
  self->drained = self->ended = TRUE;
  take_window (self, &rest, &error);
  g_mutex_unlock (&self->lock);

  g_clear_error (&error);
  ppool_map_cancel_records (&rest);
  ppool_map_inputs_clear (&self->inputs);
}

static gboolean
end_with_error (PPoolMap  *self,
                GError   **error,
                GError    *failure)
{
  end (self);
  if (failure != NULL)
    g_propagate_error (error, failure);

  return TRUE;
}

/* Takes what is next: a value, an error, or the end, which is neither. If that
 * isn't known yet, returns FALSE and the call for which to wait. */
gboolean
ppool_map_take (PPoolMap     *self,
                PPoolRecord **head,
                GVariant    **value,
                GError      **error)
{
  g_autoptr (PPoolRecord) record = NULL;
  GError *failure = NULL;
  gboolean settled;

  g_mutex_lock (&self->lock);
  record = g_queue_peek_head (&self->window);
  settled = record != NULL && ppool_record_is_done (record);
  if (settled)
    g_queue_pop_head (&self->window);
  else if (record != NULL)
    ppool_record_ref (record);
  else
    failure = g_steal_pointer (&self->error);
  g_mutex_unlock (&self->lock);

  if (record == NULL)
    return end_with_error (self, error, failure);

  if (!settled && is_late (self))
    return end_with_error (self, error, new_timeout_error (self));
  if (!settled)
    {
      *head = g_steal_pointer (&record);
      return FALSE;
    }

  *value = ppool_record_propagate (record, &failure);
  if (*value == NULL)
    return end_with_error (self, error, failure);

  self->n_read++;
  sample_size (&self->result_size, *value);
  return TRUE;
}

/**
 * ppool_map_cancel:
 * @self: a map
 *
 * Ends the map and cancels all calls that have not started.
 *
 * The waiting read, or else the next one, fails with `G_IO_ERROR_CANCELLED`,
 * and the map ends. If the map has ended already, nothing happens.
 *
 * **Threads**: may be called from any thread, the input function included; it
 * never blocks.
 *
 * Since: 1.0
 */
void
ppool_map_cancel (PPoolMap *self)
{
  g_autoptr (PPoolCompletion) completion = NULL;
  GQueue records = G_QUEUE_INIT;
  PPoolMapRead *read;
  GError *error;

  g_return_if_fail (ppool_map_is_usable (self));

  if (!ppool_executor_check (self->executor, NULL))
    return;

  error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The map of “%s” was cancelled",
                       self->function);

  g_mutex_lock (&self->lock);
  if (!self->ended)
    {
      self->cancelled = self->drained = TRUE;
      take_window (self, &records, &error);
      read = g_queue_peek_head (&self->reads);
      if (read != NULL && read->completion != NULL)
        completion = ppool_completion_ref (read->completion);
    }
  g_mutex_unlock (&self->lock);

  g_clear_error (&error);
  ppool_map_cancel_records (&records);
  g_cancellable_cancel (self->cancellable);
  if (completion != NULL)
    ppool_completion_fire (completion);
}
