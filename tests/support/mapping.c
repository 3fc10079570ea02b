/* mapping.c: inputs for maps, and what reading one must give
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "mapping.h"

void
numbers_init (Numbers *self,
              gint64   length)
{
  *self = (Numbers){ .length = length, .error_at = -1, .thread = g_thread_self () };
}

/* Nobody else is asking. */
static void
enter (Numbers *self)
{
  g_assert_true (g_atomic_int_compare_and_exchange (&self->inside, FALSE, TRUE));
  g_thread_yield ();
}

static void
leave (Numbers *self)
{
  g_atomic_int_set (&self->inside, FALSE);
}

static void
assert_thread (Numbers *self)
{
  g_assert_false (self->freed);
  if (self->thread != NULL)
    g_assert_true (self->thread == g_thread_self ());
}

static GVariant *
draw (Numbers  *self,
      GError  **error)
{
  g_assert_cmpuint (self->n_ends, ==, 0);

  if (self->n_drawn == self->error_at)
    {
      self->n_ends++;
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_EMPTY, "No number %d", (int) self->error_at);
      return NULL;
    }

  if (self->n_drawn == self->length)
    {
      self->n_ends++;
      return NULL;
    }

  return g_variant_new_int64 (self->n_drawn++);
}

static GVariant *
draw_cb (gpointer   user_data,
         GError   **error)
{
  Numbers *self = user_data;
  GVariant *number;

  assert_thread (self);
  enter (self);
  number = draw (self, error);
  leave (self);

  return number;
}

static void
freed_cb (gpointer user_data)
{
  Numbers *self = user_data;

  assert_thread (self);
  enter (self);
  self->freed = TRUE;
}

PPoolMap *
numbers_map (Numbers       *self,
             PPoolExecutor *executor,
             const char    *function)
{
  return harness_track (ppool_executor_map_func (executor, function, draw_cb, self, freed_cb));
}

PPoolMap *
mapping_new (PPoolExecutor *executor,
             const char    *function,
             GVariant      *inputs)
{
  g_autoptr (GError) error = NULL;
  PPoolMap *map = ppool_executor_map (executor, function, inputs, &error);

  g_assert_no_error (error);
  g_assert_nonnull (map);

  return harness_track (map);
}

GVariant *
mapping_next (PPoolMap *map)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_map_next_value (map, PATIENCE_SECONDS * 1000, &error);

  g_assert_no_error (error);
  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));

  return value;
}

void
mapping_assert_next (PPoolMap   *map,
                     const char *text)
{
  g_autoptr (GVariant) value = mapping_next (map);
  g_autofree char *printed = g_variant_print (value, TRUE);

  g_assert_cmpstr (printed, ==, text);
}

void
mapping_assert_numbers (PPoolMap *map,
                        gint64    first,
                        gint64    end)
{
  for (gint64 i = first; i < end; i++)
    {
      g_autoptr (GVariant) value = mapping_next (map);

      g_assert_cmpint (g_variant_get_int64 (value), ==, i);
    }
}

void
mapping_assert_end (PPoolMap *map)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      GVariant *value = ppool_map_next_value (map, PATIENCE_SECONDS * 1000, &error);

      g_assert_no_error (error);
      g_assert_null (value);
    }
}

/* There is no result yet. */
void
mapping_assert_none (PPoolMap *map,
                     int       timeout_msec)
{
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  GVariant *value = ppool_map_next_value (map, timeout_msec, &error);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_null (value);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, timeout_msec * G_TIME_SPAN_MILLISECOND);
}

/* The error comes once, then the end. */
void
mapping_assert_failure (PPoolMap   *map,
                        GQuark      domain,
                        int         code,
                        const char *part)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_map_next_value (map, PATIENCE_SECONDS * 1000, &error);

  g_assert_null (value);
  harness_assert_error (error, domain, code, part, NULL);
  mapping_assert_end (map);
}
