/* frames.c: calls and results in frames, at the pool's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "frames.h"

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OBJECT_PATH "/org/ppool/Worker1"
#define INTERFACE "org.ppool.Worker1"

#define BOARD_PLACES 256
#define BOARD_WORDS 4 /* of a place */
#define BOARD_BYTES (BOARD_PLACES * BOARD_WORDS * sizeof (guint64))
#define STATE_BITS 3

typedef struct
{
  guint32 size;
  guint8 kind;
  guint8 flags;
  guint16 name_length;
  guint64 id;
} Header;

static gsize
align (gsize size)
{
  return (size + 7) & ~(gsize) 7;
}

static void
free_result (gpointer data)
{
  FrameResult *self = data;

  g_free (self->name);
  g_variant_unref (self->value);
  g_free (self);
}

static GVariant *
read_value (const guint8 *data,
            gsize         size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) boxed =
    g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, bytes, FALSE));

  g_assert_true (g_variant_is_normal_form (boxed));

  return g_variant_get_variant (boxed);
}

/* A call whose result is here is done, on the board too. */
static void
read_item (Frames       *self,
           const guint8 *item,
           gsize         frame_size)
{
  FrameResult *result = g_new0 (FrameResult, 1);
  Header header;
  gsize start;

  memcpy (&header, item, sizeof header);
  start = sizeof header + align (header.name_length + 1u);
  g_assert_cmpuint (header.flags, ==, 0);
  g_assert_cmpuint (header.size, >, start);

  result->id = header.id;
  result->kind = header.kind;
  result->name = g_strndup ((const char *) item + sizeof header, header.name_length);
  result->value = read_value (item + start, header.size - start);
  result->message = self->n_messages;
  result->size = frame_size;
  g_ptr_array_add (self->results, result);

  g_assert_cmpint (result->kind, ==, *result->name == '\0' ? FRAME_VALUE : FRAME_ERROR);
  if (self->board != NULL)
    g_assert_cmpint (frames_get_state (self, result->id), ==, FRAME_DONE);
}

static void
results_cb (GDBusConnection *connection,
            const char      *sender,
            const char      *path,
            const char      *interface,
            const char      *signal,
            GVariant        *body,
            gpointer         user_data)
{
  Frames *self = user_data;
  g_autoptr (GVariant) packed = NULL;
  const guint8 *frame;
  gsize offset = 0;
  gsize size;

  g_assert_cmpstr (g_variant_get_type_string (body), ==, "(uay)");
  packed = g_variant_get_child_value (body, 1);
  frame = g_variant_get_fixed_array (packed, &size, 1);
  g_assert_cmpuint (size, >, 0);

  self->n_messages++;
  while (offset < size)
    {
      Header header;

      g_assert_cmpuint (offset + sizeof header, <=, size);
      memcpy (&header, frame + offset, sizeof header);
      g_assert_cmpuint (offset + header.size, <=, size);
      read_item (self, frame + offset, size);
      offset += align (header.size);
    }
}

/* Returns: a descriptor of the memory */
static int
make_board (Frames *self)
{
  int fd = memfd_create ("board", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (ftruncate (fd, BOARD_BYTES));
  g_assert_no_errno (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  self->board = mmap (NULL, BOARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (self->board != MAP_FAILED);

  return fd;
}

static void
initialize (Frames *self,
            int     board_fd)
{
  const char *features[] = { "gvariant", "frames", "cancel", "call-options",
                             board_fd >= 0 ? "board" : NULL, NULL };
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, "Initialize");
  g_autoptr (GDBusMessage) reply = NULL;
  g_autofree const char **answer = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "version", g_variant_new_uint32 (1));
  g_variant_builder_add (&options, "{sv}", "features", g_variant_new_strv (features, -1));
  if (board_fd >= 0)
    {
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&board_fd, 1);

      g_dbus_message_set_unix_fd_list (message, fds);
      g_variant_builder_add (&options, "{sv}", "board", g_variant_new_handle (0));
    }
  g_dbus_message_set_body (message, g_variant_new ("(a{sv})", &options));

  reply = g_dbus_connection_send_message_with_reply_sync (self->peer->connection, message,
                                                          G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                                          PEER_PATIENCE_MSEC, NULL, NULL, &error);
  g_assert_no_error (error);
  info = g_variant_get_child_value (g_dbus_message_get_body (reply), 0);
  g_assert_true (g_variant_lookup (info, "features", "^a&s", &answer));
  g_assert_true (g_strv_contains (answer, "frames"));
  g_assert_true (g_strv_contains (answer, "board") == (board_fd >= 0));
}

Frames *
frames_new (Peer     *peer,
            gboolean  with_board)
{
  Frames *self = g_new0 (Frames, 1);

  self->peer = peer;
  self->calls = g_byte_array_new ();
  self->results = g_ptr_array_new_with_free_func (free_result);
  self->connection = g_object_ref (peer->connection);
  self->subscription =
    g_dbus_connection_signal_subscribe (self->connection, NULL, INTERFACE, "Results", OBJECT_PATH,
                                        NULL, G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, results_cb, self,
                                        NULL);
  initialize (self, with_board ? make_board (self) : -1);

  return self;
}

void
frames_free (Frames *self)
{
  /* Results may be on their way in the main context. */
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  g_object_unref (self->connection);
  if (self->board != NULL)
    munmap (self->board, BOARD_BYTES);
  g_byte_array_unref (self->calls);
  g_ptr_array_unref (self->results);
  g_free (self);
}

static guint64 *
place_of (Frames  *self,
          guint64  id)
{
  return &self->board[id % BOARD_PLACES * BOARD_WORDS];
}

FrameState
frames_get_state (Frames  *self,
                  guint64  id)
{
  guint64 word = __atomic_load_n (place_of (self, id), __ATOMIC_SEQ_CST);

  g_assert_cmpuint (word >> STATE_BITS, ==, id);

  return (FrameState) (word & ((1 << STATE_BITS) - 1));
}

/* Takes a call back that the worker can't have begun. */
void
frames_withdraw (Frames  *self,
                 guint64  id)
{
  guint64 offered = id << STATE_BITS | FRAME_OFFERED;

  g_assert_true (__atomic_compare_exchange_n (place_of (self, id), &offered,
                                              id << STATE_BITS | FRAME_WITHDRAWN, FALSE,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

/* Returns: (transfer none): the item, until the next one */
guint8 *
frames_add_bytes (Frames     *self,
                  const char *function,
                  const void *data,
                  gsize       size)
{
  gsize start = align (self->calls->len);
  gsize room = align (strlen (function) + 1);
  guint old_length = self->calls->len;
  Header header = {
    .size = (guint32) (sizeof header + room + size),
    .kind = FRAME_CALL,
    .name_length = (guint16) strlen (function),
    .id = ++self->last_id,
  };

  g_byte_array_set_size (self->calls, (guint) (start + header.size));
  memset (self->calls->data + old_length, 0, self->calls->len - old_length);
  memcpy (self->calls->data + start, &header, sizeof header);
  memcpy (self->calls->data + start + sizeof header, function, strlen (function));
  memcpy (self->calls->data + start + sizeof header + room, data, size);
  if (self->board != NULL)
    __atomic_store_n (place_of (self, header.id), header.id << STATE_BITS | FRAME_OFFERED,
                      __ATOMIC_SEQ_CST);

  return self->calls->data + start;
}

guint64
frames_add (Frames     *self,
            const char *function,
            GVariant   *args)
{
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (args));

  frames_add_bytes (self, function, g_variant_get_data (boxed), g_variant_get_size (boxed));

  return self->last_id;
}

/* Options are an item of their own, before the call. */
guint64
frames_add_with_options (Frames     *self,
                         const char *function,
                         GVariant   *args,
                         GVariant   *options)
{
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (options));
  guint64 *board = g_steal_pointer (&self->board);
  guint8 *item = frames_add_bytes (self, "", g_variant_get_data (boxed),
                                   g_variant_get_size (boxed));

  item[4] = FRAME_OPTIONS;
  self->board = board;
  self->last_id--;

  return frames_add (self, function, args);
}

/* Returns: (nullable) (transfer full) */
static GError *
try_to_send_message (Frames     *self,
                     const char *member,
                     GVariant   *body)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, member);
  GError *error = NULL;

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_body (message, body);
  g_dbus_connection_send_message (self->peer->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                  NULL, &error);
  return error;
}

static void
send_message (Frames     *self,
              const char *member,
              GVariant   *body)
{
  g_autoptr (GError) error = try_to_send_message (self, member, body);

  g_assert_no_error (error);
}

void
frames_cancel (Frames  *self,
               guint64  id)
{
  send_message (self, "Cancel", g_variant_new ("(t)", id));
}

/* The same, where the worker may have closed the channel. */
void
frames_cancel_if_open (Frames  *self,
                       guint64  id)
{
  g_autoptr (GError) error = try_to_send_message (self, "Cancel", g_variant_new ("(t)", id));

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    g_assert_no_error (error);
}

/* Sends what was added. */
void
frames_send (Frames *self)
{
  GVariant *members[] = {
    g_variant_new_uint32 (0),
    g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, self->calls->data, self->calls->len, 1),
  };

  send_message (self, "Calls", g_variant_new_tuple (members, G_N_ELEMENTS (members)));
  g_byte_array_set_size (self->calls, 0);
}

static gboolean
out_of_patience_cb (gpointer user_data)
{
  g_error ("Waited too long for a result");

  return G_SOURCE_REMOVE;
}

/* Waits for @n results altogether. Returns: (transfer none): the last of them */
FrameResult *
frames_await (Frames *self,
              guint   n)
{
  guint timeout = g_timeout_add (PEER_PATIENCE_MSEC, out_of_patience_cb, NULL);

  while (self->results->len < n)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);

  return self->results->pdata[n - 1];
}

static FrameResult *
find_result (Frames  *self,
             guint64  id)
{
  for (guint i = 0;; i++)
    {
      FrameResult *result = frames_await (self, i + 1);

      if (result->id == id)
        return result;
    }
}

void
frames_expect (Frames     *self,
               guint64     id,
               const char *text)
{
  FrameResult *result = find_result (self, id);

  g_assert_cmpint (result->kind, ==, FRAME_VALUE);
  expect_value (g_variant_ref (result->value), text);
}

void
frames_expect_error (Frames     *self,
                     guint64     id,
                     const char *name,
                     const char *message_part)
{
  FrameResult *result = find_result (self, id);
  g_autofree char *message = NULL;

  g_assert_cmpint (result->kind, ==, FRAME_ERROR);
  g_assert_cmpstr (result->name, ==, name);
  g_variant_get_child (result->value, 0, "s", &message);
  if (strstr (message, message_part) == NULL)
    g_error ("“%s” is not in “%s”", message_part, message);
}

void
served_set_up (Served             *self,
               const char * const *argv,
               gboolean            with_board)
{
  self->peer = peer_new (argv);
  self->frames = frames_new (self->peer, with_board);
}

void
served_tear_down (Served        *self,
                  gconstpointer  user_data G_GNUC_UNUSED)
{
  if (self->peer == NULL)
    return;

  frames_free (self->frames);
  peer_exit (self->peer);
}

void
served_expect_line (Served     *self,
                    const char *text)
{
  g_autofree char *line = peer_read_line (self->peer);

  g_assert_cmpstr (line, ==, text);
}
