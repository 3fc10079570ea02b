/* ppool-map.c: one function over many inputs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

#include "ppool-call-private.h"
#include "ppool-executor-private.h"
#include "ppool-processors-private.h"

/**
 * PPoolMap:
 *
 * Calls one function for many inputs and returns the results in input order.
 *
 * [method@PPool.Executor.map] creates a map over an array, and
 * [method@PPool.Executor.map_func] one over inputs that a function returns.
 * Read it until its end, which is `NULL` without an error:
 *
 * ```c
 * g_autoptr (PPoolMap) map = ppool_executor_map (executor, "double", numbers, &error);
 * GVariant *value;
 *
 * while (map != NULL && (value = ppool_map_next_value (map, -1, &error)) != NULL)
 *   {
 *     use_value (value);
 *     g_variant_unref (value);
 *   }
 * ```
 *
 * Each input is the arguments of one call. With further arrays from
 * [method@PPool.Map.add_inputs], the arguments are a tuple of one element of
 * each, and the map ends with the shortest array.
 *
 * Nothing is submitted before the first read. From then on the map is a bounded
 * number of inputs ahead of its reader, see [property@PPool.Map:buffer-size].
 * So inputs may be endless, and results don't pile up in memory. New inputs are
 * drawn when the map is read; calls in the buffer run in the meantime.
 *
 * ## The end
 *
 * When a call or the inputs fail, the earlier results are read first, then the
 * error, and then the end. Calls that have not started by then are cancelled.
 * The same happens when the map is dropped, and after
 * [method@PPool.Map.cancel]. A running call is not stopped, unless
 * [property@PPool.Executor:cancel-running] is set and the map is cancelled; its
 * result is dropped.
 *
 * ## Calls that fail
 *
 * With [property@PPool.Map:stop-on-error] set to `FALSE`, each call that fails costs
 * its own result only. [method@PPool.Map.get_failed_future] distinguishes such an error from one
 * that has ended the map, and gives the place of the input and the facts:
 *
 * ```c
 * g_autoptr (PPoolMap) map = ppool_executor_map (executor, "measure", names, NULL);
 * g_autoptr (PPoolCall) options = ppool_call_new ("measure", NULL);
 *
 * ppool_call_set_timeout_msec (options, 5000);
 * ppool_map_set_call_options (map, options);
 * ppool_map_set_stop_on_error (map, FALSE);
 *
 * while (TRUE)
 *   {
 *     g_autoptr (GError) problem = NULL;
 *     g_autoptr (GVariant) value = ppool_map_next_value (map, -1, &problem);
 *     g_autoptr (PPoolFuture) failed = NULL;
 *     guint64 index;
 *
 *     if (value == NULL && problem == NULL)
 *       break;
 *
 *     failed = ppool_map_get_failed_future (map, &index);
 *     if (failed != NULL)
 *       {
 *         g_autoptr (PPoolDeath) death = ppool_future_get_death (failed);
 *
 *         g_print ("Input %" G_GUINT64_FORMAT " failed%s: %s\n", index,
 *                  death != NULL ? " with its worker" : "", problem->message);
 *       }
 *     else if (value == NULL)
 *       g_print ("The map has ended: %s\n", problem->message);
 *     else
 *       use_value (value);
 *   }
 * ```
 *
 * To handle each result as soon as it arrives, in any order, submit calls and
 * use [class@PPool.AsCompleted] or callbacks of their futures instead.
 *
 * This class is final.
 *
 * **Threads**: all methods may be called from any thread. The input function is
 * called where the map is read, and its data is freed there, or where the map
 * is dropped. The inputs of calls that are running when the map ends may be
 * released in a thread of the library. A map keeps its executor alive.
 *
 * Since: 1.0
 */

typedef enum
{
  PROP_CHUNK_SIZE = 1,
  PROP_BUFFER_SIZE,
  PROP_TIMEOUT_MSEC,
  PROP_STOP_ON_ERROR,
} PPoolMapProperty;

static GParamSpec *props[PROP_STOP_ON_ERROR + 1];

G_DEFINE_FINAL_TYPE (PPoolMap, ppool_map, G_TYPE_OBJECT)

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

/* The calls that are ahead of the reader */

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
                      self->spec->function, self->timeout_msec);
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
  record = ppool_pool_make_record (self->pool, self->spec, args, &error);
  if (record == NULL)
    {
      close_window (self, error);
      return;
    }

  if (!push_record (self, record) ||
      ppool_pool_submit (self->pool, record, &error))
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

/* Takes the calls: those that have not started never will. One that runs is not stopped,
 * unless somebody @asked for it, and the executor is to do that then. */
static void
cancel_records (GQueue   *records,
                gboolean  asked)
{
  PPoolRecord *record;

  while ((record = g_queue_pop_head (records)) != NULL)
    {
      if (asked)
        ppool_record_give_up (record);
      else
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
  cancel_records (&rest, FALSE);
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

/* Takes what is next: a value, an error, which may be that of a call, or the end, which is
 * neither. If that isn't known yet, returns FALSE and the call for which to wait. */
gboolean
ppool_map_take (PPoolMap        *self,
                PPoolRecord    **head,
                GVariant       **value,
                PPoolMapFailed  *failed,
                GError         **error)
{
  g_autoptr (PPoolRecord) record = NULL;
  GError *failure = NULL;
  gboolean settled;

  g_mutex_lock (&self->lock);
  record = g_queue_peek_head (&self->window);
  settled = record != NULL && ppool_outcome_is_done (&record->outcome);
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
  if (*value != NULL)
    sample_size (&self->result_size, *value);
  else
    *failed = (PPoolMapFailed) { g_steal_pointer (&record), self->n_read };
  self->n_read++;

  if (*value == NULL && !self->goes_on)
    return end_with_error (self, error, failure);
  if (*value == NULL)
    g_propagate_error (error, failure);

  return TRUE;
}

/* The class */

static void
ppool_map_get_property (GObject    *object,
                        guint       property_id,
                        GValue     *value,
                        GParamSpec *pspec)
{
  PPoolMap *self = PPOOL_MAP (object);

  switch ((PPoolMapProperty) property_id)
    {
    case PROP_CHUNK_SIZE:
      g_value_set_uint (value, ppool_map_get_chunk_size (self));
      break;
    case PROP_BUFFER_SIZE:
      g_value_set_uint (value, ppool_map_get_buffer_size (self));
      break;
    case PROP_TIMEOUT_MSEC:
      g_value_set_int (value, ppool_map_get_timeout_msec (self));
      break;
    case PROP_STOP_ON_ERROR:
      g_value_set_boolean (value, ppool_map_get_stop_on_error (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_map_set_property (GObject      *object,
                        guint         property_id,
                        const GValue *value,
                        GParamSpec   *pspec)
{
  PPoolMap *self = PPOOL_MAP (object);

  switch ((PPoolMapProperty) property_id)
    {
    case PROP_CHUNK_SIZE:
      ppool_map_set_chunk_size (self, g_value_get_uint (value));
      break;
    case PROP_BUFFER_SIZE:
      ppool_map_set_buffer_size (self, g_value_get_uint (value));
      break;
    case PROP_TIMEOUT_MSEC:
      ppool_map_set_timeout_msec (self, g_value_get_int (value));
      break;
    case PROP_STOP_ON_ERROR:
      ppool_map_set_stop_on_error (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

/* Every read holds the map, so that nobody reads. */
static void
ppool_map_finalize (GObject *object)
{
  PPoolMap *self = PPOOL_MAP (object);

  g_assert (g_queue_is_empty (&self->reads));

  cancel_records (&self->window, FALSE);
  ppool_map_inputs_clear (&self->inputs);
  g_clear_error (&self->error);
  g_clear_pointer (&self->failed.record, ppool_record_unref);
  g_object_unref (self->cancellable);
  g_clear_object (&self->executor);
  g_clear_pointer (&self->spec, ppool_call_spec_unref);
  g_cond_clear (&self->turn);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (ppool_map_parent_class)->finalize (object);
}

static void
ppool_map_class_init (PPoolMapClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_map_get_property;
  object_class->set_property = ppool_map_set_property;
  object_class->finalize = ppool_map_finalize;

  /**
   * PPoolMap:chunk-size:
   *
   * The number of inputs that are drawn and submitted at a time, or 0 to let
   * the library choose.
   *
   * A read draws inputs when the buffer has room for that many. Each input is a
   * separate call, whatever the chunk size: a slow one does not keep others
   * from an idle worker, and results before an error or a crash are not lost.
   * With a larger size, more calls share a message.
   *
   * It can be set until the map is read for the first time.
   *
   * Since: 1.0
   */
  props[PROP_CHUNK_SIZE] =
    g_param_spec_uint ("chunk-size", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolMap:buffer-size:
   *
   * The maximum number of inputs that were drawn and whose results have not
   * been read, or 0 to let the library choose it from the number of workers and
   * the size of inputs and results.
   *
   * It can be set until the map is read for the first time.
   *
   * Since: 1.0
   */
  props[PROP_BUFFER_SIZE] =
    g_param_spec_uint ("buffer-size", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolMap:timeout-msec:
   *
   * The time after its creation for which the map waits for results, in
   * milliseconds, or -1 for no limit.
   *
   * After that time, results that have arrived can still be read. The first
   * read of any other result fails with `G_IO_ERROR_TIMED_OUT`, and the map
   * ends.
   *
   * It can be set until the map is read for the first time.
   *
   * Since: 1.0
   */
  props[PROP_TIMEOUT_MSEC] =
    g_param_spec_int ("timeout-msec", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolMap:stop-on-error:
   *
   * Whether the map ends with the first call that fails.
   *
   * The default is `TRUE`. If it is `FALSE`, the read of such a call fails with its error, and
   * the next read continues with the following call; [method@PPool.Map.get_failed_future]
   * returns the call. The map still ends if the input function fails, when its time is up, and
   * when the executor accepts no more calls.
   *
   * It can be set until the map is read for the first time.
   *
   * Since: 1.0
   */
  props[PROP_STOP_ON_ERROR] =
    g_param_spec_boolean ("stop-on-error", NULL, NULL, TRUE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
ppool_map_init (PPoolMap *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->turn);
  self->cancellable = g_cancellable_new ();
  self->creation_time = g_get_monotonic_time ();
  self->timeout_msec = -1;
}

static PPoolMap *
make_map (PPoolExecutor *executor,
          const char    *function)
{
  PPoolMap *self = g_object_new (PPOOL_TYPE_MAP, NULL);

  self->executor = g_object_ref (executor);
  self->pool = ppool_executor_get_pool (executor);
  self->spec = ppool_call_spec_new (function);

  return self;
}

/* Maps come from executors; one that a binding makes is good for nothing. */
gboolean
ppool_map_is_usable (PPoolMap *self)
{
  return PPOOL_IS_MAP (self) && self->executor != NULL;
}

/* Enters the lock, unless it is too late to change anything. */
static gboolean
begin_change (PPoolMap *self)
{
  gboolean started;

  g_mutex_lock (&self->lock);
  started = self->started;
  if (!started)
    return TRUE;

  g_mutex_unlock (&self->lock);
  g_critical ("The map of “%s” can't be changed after it was read", self->spec->function);
  return FALSE;
}

/**
 * ppool_executor_map:
 * @self: an executor
 * @function: the name of a function of the workers
 * @inputs: an array of any type, whose elements are the arguments of one call each;
 *   consumed if floating
 * @error: return location for an error
 *
 * Creates a map that calls a function for each element of an array.
 *
 * It fails as [method@PPool.Executor.submit] does, if the executor accepts no
 * calls. Later errors are reported where the map is read.
 *
 * **Threads**: may be called from any thread; it doesn't block.
 *
 * Returns: (transfer full): a new map, or `NULL` with @error set
 *
 * Since: 1.0
 */
PPoolMap *
ppool_executor_map (PPoolExecutor  *self,
                    const char     *function,
                    GVariant       *inputs,
                    GError        **error)
{
  g_autoptr (GVariant) array = NULL;
  PPoolMap *map;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (inputs != NULL, NULL);
  g_return_val_if_fail (g_variant_is_of_type (inputs, G_VARIANT_TYPE_ARRAY), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  array = g_variant_ref_sink (inputs);
  if (!ppool_pool_accepts_calls (ppool_executor_get_pool (self), function, error))
    return NULL;

  map = make_map (self, function);
  ppool_map_inputs_add (&map->inputs, array);

  return map;
}

/**
 * ppool_executor_map_func:
 * @self: an executor
 * @function: the name of a function of the workers
 * @func: (scope notified) (closure user_data) (destroy user_data_destroy):
 *   returns the next input, the arguments of one call
 * @user_data: data for @func
 * @user_data_destroy: (nullable): frees @user_data
 *
 * Creates a map that calls a function for each input that another function
 * returns.
 *
 * The inputs may be endless. This can't fail: errors of the executor are
 * reported where the map is read.
 *
 * **Threads**: may be called from any thread; it doesn't block. @func is called
 * where the map is read, never from within this method. @user_data_destroy is
 * called there when the map has ended, or where the map is dropped.
 *
 * Returns: (transfer full): a new map
 *
 * Since: 1.0
 */
PPoolMap *
ppool_executor_map_func (PPoolExecutor  *self,
                         const char     *function,
                         PPoolInputFunc  func,
                         gpointer        user_data,
                         GDestroyNotify  user_data_destroy)
{
  PPoolMap *map;

  g_return_val_if_fail (PPOOL_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (func != NULL, NULL);

  map = make_map (self, function);
  map->inputs.func = func;
  map->inputs.user_data = user_data;
  map->inputs.user_data_destroy = user_data_destroy;

  return map;
}

/**
 * ppool_map_add_inputs:
 * @self: a map
 * @inputs: an array of any type; consumed if floating
 *
 * Adds another array of inputs.
 *
 * The arguments of a call are then a tuple of one element of each array, in the
 * order in which the arrays were added, preceded by the input of the input
 * function, if there is one. The map ends with the shortest array.
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread.
 *
 * Since: 1.0
 */
void
ppool_map_add_inputs (PPoolMap *self,
                      GVariant *inputs)
{
  g_autoptr (GVariant) array = NULL;

  g_return_if_fail (ppool_map_is_usable (self));
  g_return_if_fail (inputs != NULL);
  g_return_if_fail (g_variant_is_of_type (inputs, G_VARIANT_TYPE_ARRAY));

  array = g_variant_ref_sink (inputs);
  if (!begin_change (self))
    return;

  ppool_map_inputs_add (&self->inputs, array);
  g_mutex_unlock (&self->lock);
}

/**
 * ppool_map_get_chunk_size:
 * @self: a map
 *
 * Gets [property@PPool.Map:chunk-size] as it was set.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of inputs, or 0 if the library chooses
 *
 * Since: 1.0
 */
guint
ppool_map_get_chunk_size (PPoolMap *self)
{
  guint chunk_size;

  g_return_val_if_fail (PPOOL_IS_MAP (self), 0);

  g_mutex_lock (&self->lock);
  chunk_size = self->chunk_size;
  g_mutex_unlock (&self->lock);

  return chunk_size;
}

/**
 * ppool_map_set_chunk_size:
 * @self: a map
 * @chunk_size: a number of inputs, or 0 to have the library choose
 *
 * Sets [property@PPool.Map:chunk-size].
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread; `notify` is emitted in that
 * thread.
 *
 * Since: 1.0
 */
void
ppool_map_set_chunk_size (PPoolMap *self,
                          guint     chunk_size)
{
  gboolean changed;

  g_return_if_fail (PPOOL_IS_MAP (self));

  if (!begin_change (self))
    return;
  changed = self->chunk_size != chunk_size;
  self->chunk_size = chunk_size;
  g_mutex_unlock (&self->lock);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CHUNK_SIZE]);
}

/**
 * ppool_map_get_buffer_size:
 * @self: a map
 *
 * Gets [property@PPool.Map:buffer-size] as it was set.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of inputs, or 0 if the library chooses
 *
 * Since: 1.0
 */
guint
ppool_map_get_buffer_size (PPoolMap *self)
{
  guint buffer_size;

  g_return_val_if_fail (PPOOL_IS_MAP (self), 0);

  g_mutex_lock (&self->lock);
  buffer_size = self->buffer_size;
  g_mutex_unlock (&self->lock);

  return buffer_size;
}

/**
 * ppool_map_set_buffer_size:
 * @self: a map
 * @buffer_size: a number of inputs, or 0 to have the library choose
 *
 * Sets [property@PPool.Map:buffer-size].
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread; `notify` is emitted in that
 * thread.
 *
 * Since: 1.0
 */
void
ppool_map_set_buffer_size (PPoolMap *self,
                           guint     buffer_size)
{
  gboolean changed;

  g_return_if_fail (PPOOL_IS_MAP (self));

  if (!begin_change (self))
    return;
  changed = self->buffer_size != buffer_size;
  self->buffer_size = buffer_size;
  g_mutex_unlock (&self->lock);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BUFFER_SIZE]);
}

/**
 * ppool_map_get_timeout_msec:
 * @self: a map
 *
 * Gets the time after its creation for which the map waits for results.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or -1 for no limit
 *
 * Since: 1.0
 */
int
ppool_map_get_timeout_msec (PPoolMap *self)
{
  int timeout_msec;

  g_return_val_if_fail (PPOOL_IS_MAP (self), -1);

  g_mutex_lock (&self->lock);
  timeout_msec = self->timeout_msec;
  g_mutex_unlock (&self->lock);

  return timeout_msec;
}

/**
 * ppool_map_set_timeout_msec:
 * @self: a map
 * @timeout_msec: a time in milliseconds, or -1 for no limit
 *
 * Sets [property@PPool.Map:timeout-msec].
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread; `notify` is emitted in that
 * thread.
 *
 * Since: 1.0
 */
void
ppool_map_set_timeout_msec (PPoolMap *self,
                            int       timeout_msec)
{
  gboolean changed;

  g_return_if_fail (PPOOL_IS_MAP (self));
  g_return_if_fail (timeout_msec >= -1);

  if (!begin_change (self))
    return;
  changed = self->timeout_msec != timeout_msec;
  self->timeout_msec = timeout_msec;
  g_mutex_unlock (&self->lock);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT_MSEC]);
}

/**
 * ppool_map_get_stop_on_error:
 * @self: a map
 *
 * Gets whether the map ends with the first call that fails.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: `TRUE` if it does
 *
 * Since: 1.0
 */
gboolean
ppool_map_get_stop_on_error (PPoolMap *self)
{
  gboolean stop_on_error;

  g_return_val_if_fail (PPOOL_IS_MAP (self), FALSE);

  g_mutex_lock (&self->lock);
  stop_on_error = !self->goes_on;
  g_mutex_unlock (&self->lock);

  return stop_on_error;
}

/**
 * ppool_map_set_stop_on_error:
 * @self: a map
 * @stop_on_error: `FALSE` to continue after calls that fail
 *
 * Sets [property@PPool.Map:stop-on-error].
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread; `notify` is emitted in that
 * thread.
 *
 * Since: 1.0
 */
void
ppool_map_set_stop_on_error (PPoolMap *self,
                             gboolean  stop_on_error)
{
  gboolean changed;

  g_return_if_fail (PPOOL_IS_MAP (self));

  if (!begin_change (self))
    return;
  changed = self->goes_on != !stop_on_error;
  self->goes_on = !stop_on_error;
  g_mutex_unlock (&self->lock);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STOP_ON_ERROR]);
}

/**
 * ppool_map_set_call_options:
 * @self: a map
 * @call: a call with the options
 *
 * Sets the options of the calls of the map.
 *
 * The current options of @call are copied: its [property@PPool.Call:result-type],
 * [property@PPool.Call:timeout-msec], [property@PPool.Call:queue-timeout-msec],
 * [property@PPool.Call:max-retries] and [property@PPool.Call:label]. Its function
 * and arguments are not used.
 *
 * It is a programming error to call this after the map was read; it has no
 * effect then.
 *
 * **Threads**: may be called from any thread, but not while another thread uses @call.
 *
 * Since: 1.0
 */
void
ppool_map_set_call_options (PPoolMap  *self,
                            PPoolCall *call)
{
  PPoolCallSpec *before;

  g_return_if_fail (ppool_map_is_usable (self));
  g_return_if_fail (PPOOL_IS_CALL (call));

  if (!begin_change (self))
    return;
  before = self->spec;
  self->spec = ppool_call_spec_copy_options (ppool_call_get_spec (call), before->function);
  g_mutex_unlock (&self->lock);

  ppool_call_spec_unref (before);
}

/**
 * ppool_map_cancel:
 * @self: a map
 *
 * Ends the map and cancels all calls that have not started.
 *
 * If [property@PPool.Executor:cancel-running] is set, calls that run are aborted, as by
 * [method@PPool.Future.abort]; otherwise they continue, and their results are dropped.
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

  if (!ppool_pool_check (self->pool, NULL))
    return;

  error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The map of “%s” was cancelled",
                       self->spec->function);

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
  cancel_records (&records, TRUE);
  g_cancellable_cancel (self->cancellable);
  if (completion != NULL)
    ppool_completion_fire (completion);
}
