/* ppool-map.c: one function over many inputs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

/**
 * PPoolMap:
 *
 * Calls one function for many inputs and returns the results in input order.
 *
 * [method@PPool.Executor.map] creates a map over an array, and
 * [method@PPool.Executor.map_func] one over inputs that a function returns. It
 * is read until its end, which is `NULL` without an error:
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
 * [method@PPool.Map.cancel]. A running call is not stopped; its result is
 * dropped.
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
} PPoolMapProperty;

static GParamSpec *props[PROP_TIMEOUT_MSEC + 1];

G_DEFINE_FINAL_TYPE (PPoolMap, ppool_map, G_TYPE_OBJECT)

/* Maps come from executors; one that a binding makes is good for nothing. */
gboolean
ppool_map_is_usable (PPoolMap *self)
{
  return PPOOL_IS_MAP (self) && self->executor != NULL;
}

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

  ppool_map_cancel_records (&self->window);
  ppool_map_inputs_clear (&self->inputs);
  g_clear_error (&self->error);
  g_object_unref (self->cancellable);
  g_clear_object (&self->executor);
  g_free (self->function);
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
   * been read, or 0 to let the library choose by the number of workers and the
   * size of inputs and results.
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

/* Enters the lock, unless it is too late to change anything. */
gboolean
ppool_map_begin_change (PPoolMap *self)
{
  gboolean started;

  g_mutex_lock (&self->lock);
  started = self->started;
  if (!started)
    return TRUE;

  g_mutex_unlock (&self->lock);
  g_critical ("The map of “%s” can't be changed after it was read", self->function);
  return FALSE;
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

  if (!ppool_map_begin_change (self))
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

  if (!ppool_map_begin_change (self))
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

  if (!ppool_map_begin_change (self))
    return;
  changed = self->timeout_msec != timeout_msec;
  self->timeout_msec = timeout_msec;
  g_mutex_unlock (&self->lock);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT_MSEC]);
}
