/* ppool-map-inputs.c: where the inputs of a map come from
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-map-internal.h"

/* Sinks @array. */
void
ppool_map_inputs_add (PPoolMapInputs *self,
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
