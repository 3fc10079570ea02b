/* ppool-channel-results.c: what a worker answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <string.h>

#include "ppool-value-private.h"

/* The error that a worker gave a call, or Initialize: @body belongs to @name. */
static GError *
make_error (const char *name,
            GVariant   *body)
{
  const char *text = "No message";
  const char *domain;
  int code;

  if (g_str_equal (name, PPOOL_PROTOCOL_ERROR_FUNCTION) && body != NULL &&
      g_variant_is_of_type (body, G_VARIANT_TYPE ("(ssi)")))
    {
      g_variant_get (body, "(&s&si)", &text, &domain, &code);
      return ppool_value_error_new (domain, code, text);
    }

  if (body != NULL && g_variant_is_container (body) && g_variant_n_children (body) > 0)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (body, 0);

      if (g_variant_is_of_type (child, G_VARIANT_TYPE_STRING))
        return ppool_value_error_new_by_name (name, g_variant_get_string (child, NULL));
    }

  return ppool_value_error_new_by_name (name, text);
}

/* The one that a message is. */
GError *
ppool_channel_results_get_error (GDBusMessage *message)
{
  return make_error (g_dbus_message_get_error_name (message), g_dbus_message_get_body (message));
}

static GVariant *
take_value (GDBusMessage  *message,
            gboolean       as_bytes,
            GError       **error)
{
  g_autoptr (GVariant) packed = NULL;

  if (!ppool_protocol_has_body (message, "(v)"))
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "it sent a result that is not of the type “(v)”");
      return NULL;
    }

  g_variant_get (g_dbus_message_get_body (message), "(v)", &packed);

  return as_bytes ?
           ppool_value_unpack (packed, ppool_protocol_is_swapped (message), error) :
           g_steal_pointer (&packed);
}

static void
clear_result (gpointer data)
{
  PPoolResult *result = data;

  g_clear_pointer (&result->value, g_variant_unref);
  g_clear_error (&result->error);
}

static GArray *
new_results (void)
{
  GArray *results = g_array_new (FALSE, TRUE, sizeof (PPoolResult));

  g_array_set_clear_func (results, clear_result);

  return results;
}

/* Whether a result that could not be read fails its call and nothing else: there is no
 * memory for it, or its function made it of bytes that are no value. */
static gboolean
is_of_result (const GError *error)
{
  return g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT) ||
         g_error_matches (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS);
}

/* The answer to one call. Returns: (element-type PPoolResult): the result, or nothing, and
 * @error is set. */
GArray *
ppool_channel_results_read (GDBusMessage  *message,
                            guint64        id,
                            gboolean       as_bytes,
                            GError       **error)
{
  GArray *results = new_results ();
  PPoolResult result = { .id = id };
  g_autoptr (GError) local_error = NULL;

  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_ERROR)
    result.error = ppool_channel_results_get_error (message);
  else
    result.value = take_value (message, as_bytes, &local_error);

  if (is_of_result (local_error))
    result.error = g_steal_pointer (&local_error);
  else if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  if (result.value != NULL || result.error != NULL)
    g_array_append_val (results, result);

  return results;
}

static gboolean
read_item (PPoolFrameReader  *reader,
           const PPoolItem   *item,
           PPoolResult       *result,
           PPoolBorrower     *borrower,
           GError           **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) value = NULL;

  if (item->kind != PPOOL_ITEM_VALUE && item->kind != PPOOL_ITEM_ERROR)
    {
      g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
                           "received a frame with an item that is not a result");
      return FALSE;
    }

  value = ppool_frame_reader_load (reader, item, borrower, &local_error);
  if (value == NULL && !is_of_result (local_error))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  result->id = item->id;
  if (value == NULL)
    result->error = g_steal_pointer (&local_error);
  else if (item->kind == PPOOL_ITEM_ERROR)
    result->error = make_error (item->name, value);
  else
    result->value = g_steal_pointer (&value);

  return TRUE;
}

/* What is good of a frame is delivered: it was written completely. Returns:
 * (element-type PPoolResult): that, be it nothing; @error is set if something is not. Of a
 * @link, what is lent comes in frames as well. */
GArray *
ppool_channel_results_read_frame (GBytes               *bytes,
                                  gsize                 offset,
                                  PPoolChannelLending  *lending,
                                  PPoolLink            *link,
                                  GError              **error)
{
  g_autoptr (GError) local_error = NULL;
  PPoolBorrower *borrower =
    lending != NULL ? ppool_channel_lending_get_loans (lending)->borrower : NULL;
  GArray *results = new_results ();
  PPoolFrameReader reader;
  PPoolItem item;

  ppool_frame_reader_init (&reader, bytes);
  reader.offset = offset;

  while (local_error == NULL && ppool_frame_reader_next (&reader, &item, &local_error))
    {
      PPoolResult result = { 0 };

      if (lending != NULL && (ppool_item_is_note (item.kind) ||
                              (link != NULL && item.kind == PPOOL_ITEM_SEGMENT)))
        ppool_channel_lending_receive_item (lending, &item, link, &local_error);
      else if (read_item (&reader, &item, &result, borrower, &local_error))
        g_array_append_val (results, result);
    }

  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return results;
}
