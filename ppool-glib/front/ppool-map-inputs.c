/* ppool-map-inputs.c: where the inputs of a map come from, and how one is made
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

#include "ppool-executor-private.h"

/* Sinks @array. */
static void
add_array (PPoolMapInputs *self,
           GVariant       *array)
{
  gsize length = g_variant_n_children (array);

  if (self->arrays == NULL)
    self->arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  self->length = self->arrays->len > 0 ? MIN (self->length, length) : length;
  g_ptr_array_add (self->arrays, g_variant_ref_sink (array));
}

static GVariant *
call_func (PPoolMapInputs  *self,
           GError         **error)
{
  g_autoptr (GVariant) input = NULL;
  GError *failure = NULL;

  input = self->func (self->user_data, &failure);
  if (input != NULL)
    g_variant_take_ref (input);
  if (failure == NULL)
    return g_steal_pointer (&input);

  g_propagate_error (error, failure);
  return NULL;
}

static GVariant *
zip_inputs (PPoolMapInputs *self,
            GVariant       *input)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  if (input != NULL)
    g_ptr_array_add (parts, input);
  for (guint i = 0; i < self->arrays->len; i++)
    g_ptr_array_add (parts, g_variant_get_child_value (g_ptr_array_index (self->arrays, i),
                                                       self->position));
  self->position++;

  if (parts->len == 1)
    return g_variant_ref (g_ptr_array_index (parts, 0));

  return g_variant_ref_sink (g_variant_new_tuple ((GVariant **) parts->pdata, parts->len));
}

/* The arguments of the next call; NULL without error at the end. An array that
 * is over is seen before the function is called, so that no input is lost. */
GVariant *
ppool_map_inputs_next (PPoolMapInputs  *self,
                       GError         **error)
{
  GVariant *input = NULL;

  if (self->arrays != NULL && self->position == self->length)
    return NULL;

  if (self->func != NULL)
    {
      input = call_func (self, error);
      if (input == NULL || self->arrays == NULL)
        return input;
    }

  return self->arrays != NULL ? zip_inputs (self, input) : NULL;
}

/* Nothing comes afterwards. */
void
ppool_map_inputs_clear (PPoolMapInputs *self)
{
  gpointer user_data = g_steal_pointer (&self->user_data);
  GDestroyNotify destroy = self->user_data_destroy;

  self->func = NULL;
  self->user_data_destroy = NULL;
  g_clear_pointer (&self->arrays, g_ptr_array_unref);
  if (destroy != NULL)
    destroy (user_data);
}

static PPoolMap *
make_map (PPoolExecutor *executor,
          const char    *function)
{
  PPoolMap *self = g_object_new (PPOOL_TYPE_MAP, NULL);

  self->executor = g_object_ref (executor);
  self->function = g_strdup (function);

  return self;
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
  if (!ppool_executor_accepts_calls (self, function, error))
    return NULL;

  map = make_map (self, function);
  add_array (&map->inputs, array);

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
  if (!ppool_map_begin_change (self))
    return;

  add_array (&self->inputs, array);
  g_mutex_unlock (&self->lock);
}
