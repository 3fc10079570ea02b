/* ppool-channel-offer.c: what a worker is initialized with
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-channel-internal.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "ppool-memory-private.h"
#include "ppool-value-private.h"

/* The least size of an initializer's arguments that are not in the message, in bytes. */
#define LARGE_SIZE ((gsize) 1024 * 1024)

/* Returns: (transfer full): a segment that has @value at @offset, which is the program's own
 * if the value was made there. That one is not filled again, since nobody tells when the
 * worker has no use for it any more. */
static PPoolSegment *
store_value (GVariant  *value,
             guint64   *offset,
             GError   **error)
{
  gsize size = g_variant_get_size (value);
  g_autoptr (PPoolMemory) memory = NULL;
  PPoolSegment *segment;

  if (ppool_value_is_flat (g_variant_get_type (value), size))
    memory = ppool_memory_find (g_variant_get_data (value), size, offset);

  if (memory != NULL && *offset % 8 == 0)
    {
      ppool_segment_retire (ppool_memory_get_segment (memory));
      return ppool_segment_ref (ppool_memory_get_segment (memory));
    }

  *offset = 0;
  segment = ppool_segment_new (size, error);
  if (segment != NULL)
    {
      ppool_segment_populate (segment, size);
      g_variant_store (value, ppool_segment_get_data (segment));
    }

  return segment;
}

/* Puts the initializer's arguments beside the message. */
static gboolean
add_large_initializer (PPoolChannelOffer  *self,
                       GVariantBuilder    *options,
                       GUnixFDList        *fds,
                       const char         *initializer,
                       GVariant           *args,
                       GError            **error)
{
  g_autoptr (GVariant) value = ppool_value_normalize (args, error);
  g_autoptr (PPoolSegment) segment = NULL;
  guint64 offset = 0;
  int fd, handle;

  if (value != NULL)
    segment = store_value (value, &offset, error);
  if (segment == NULL)
    return FALSE;

  fd = ppool_segment_dup_fd (segment, error);
  if (fd < 0)
    return FALSE;

  handle = g_unix_fd_list_append (fds, fd, error);
  close (fd);
  if (handle < 0)
    return FALSE;

  self->needs_segments = TRUE;
  g_variant_builder_add (options, "{sv}", "initializer-segment",
                         g_variant_new ("(shtts)", initializer, handle, offset,
                                        (guint64) g_variant_get_size (value),
                                        g_variant_get_type_string (value)));
  return TRUE;
}

/* What the worker can take is not known yet: arguments go as they are where
 * D-Bus has their type, and as bytes where only a worker with that feature can
 * take them. Large ones go in a segment, and with them the initializer, as a worker that
 * doesn't know that is not to run it without. */
static gboolean
add_initializer (PPoolChannelOffer  *self,
                 GVariantBuilder    *options,
                 GUnixFDList        *fds,
                 const char         *initializer,
                 GVariant           *args,
                 GError            **error)
{
  GVariant *bytes;

  if (args != NULL && self->segments && g_variant_get_size (args) >= LARGE_SIZE)
    return add_large_initializer (self, options, fds, initializer, args, error);

  g_variant_builder_add (options, "{sv}", "initializer", g_variant_new_string (initializer));

  if (args == NULL || g_variant_is_of_type (args, G_VARIANT_TYPE_UNIT))
    return TRUE;

  if (ppool_value_check_dbus (args, NULL))
    {
      g_variant_builder_add (options, "{sv}", "initializer-args", args);
      return TRUE;
    }

  bytes = ppool_value_pack (args, error);
  if (bytes == NULL)
    return FALSE;

  self->needs_bytes = TRUE;
  g_variant_builder_add (options, "{sv}", "initializer-args-bytes", bytes);
  return TRUE;
}

/* Makes the body of Initialize, and puts what goes beside it behind what is in @fds. What
 * the worker can't do without is noted. */
GVariant *
ppool_channel_offer_make (PPoolChannelOffer  *self,
                          const char         *initializer,
                          GVariant           *args,
                          GUnixFDList        *fds,
                          GError            **error)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  ppool_protocol_add_abilities (&options, self->board >= 0, TRUE, self->segments, self->lane >= 0);
  if (self->board >= 0)
    g_variant_builder_add (&options, "{sv}", "board", g_variant_new_handle (self->board));
  if (self->lane >= 0)
    g_variant_builder_add (&options, "{sv}", "lane", g_variant_new_handle (self->lane));

  if (initializer != NULL && !add_initializer (self, &options, fds, initializer, args, error))
    {
      g_variant_builder_clear (&options);
      return NULL;
    }

  return g_variant_new ("(a{sv})", &options);
}

/* Fails if the worker lacks what it was sent. */
gboolean
ppool_channel_offer_check (const PPoolChannelOffer  *self,
                           gboolean                  takes_bytes,
                           gboolean                  takes_segments,
                           GError                  **error)
{
  const char *problem = NULL;

  if (self->needs_bytes && !takes_bytes)
    problem = "the worker can't take arguments of a type that D-Bus does not have";
  else if (self->needs_segments && !takes_segments)
    problem = "the worker can't take arguments that are so large: it lacks the feature "
              "“segments”";

  if (problem != NULL)
    g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, problem);

  return problem == NULL;
}
