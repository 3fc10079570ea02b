/* frames.c: calls and results in frames, at the pool's end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "frames.h"

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
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
read_frame (Frames       *self,
            const guint8 *frame,
            gsize         size)
{
  gsize offset = 0;

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
  gsize size;

  g_assert_cmpint (self->lane, <, 0);
  g_assert_cmpstr (g_variant_get_type_string (body), ==, "(uay)");
  packed = g_variant_get_child_value (body, 1);
  frame = g_variant_get_fixed_array (packed, &size, 1);
  read_frame (self, frame, size);
}

/* Reads the packets that are whole. */
static void
read_packets (Frames *self)
{
  guint32 prefix[2];

  while (self->packets->len > sizeof prefix)
    {
      memcpy (prefix, self->packets->data, sizeof prefix);
      g_assert_cmpuint (prefix[0], >, sizeof prefix);
      g_assert_cmpuint (prefix[1], ==, 0);
      if (self->packets->len < prefix[0])
        return;

      read_frame (self, self->packets->data + sizeof prefix, prefix[0] - sizeof prefix);
      g_byte_array_remove_range (self->packets, 0, prefix[0]);
    }
}

static gboolean
lane_cb (int          fd,
         GIOCondition condition,
         gpointer     user_data)
{
  Frames *self = user_data;
  static guint8 bytes[256 * 1024];
  ssize_t n = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT);

  if (n <= 0)
    {
      self->lane_source = 0;
      return G_SOURCE_REMOVE;
    }

  g_byte_array_append (self->packets, bytes, (guint) n);
  read_packets (self);

  return G_SOURCE_CONTINUE;
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

/* Puts a descriptor, which it takes, beside a message under its name. */
static void
add_descriptor (GUnixFDList     *fds,
                GVariantBuilder *options,
                const char      *name,
                int              fd)
{
  if (fd < 0)
    return;

  g_variant_builder_add (options, "{sv}", name,
                         g_variant_new_handle (g_unix_fd_list_append (fds, fd, NULL)));
  close (fd);
}

/* Returns: (transfer full): the features of the worker */
static char **
initialize (Frames          *self,
            FramesWays       ways,
            GVariantBuilder *options,
            GUnixFDList     *fds)
{
  g_autoptr (GDBusMessage) message =
    g_dbus_message_new_method_call (NULL, OBJECT_PATH, INTERFACE, "Initialize");
  g_autoptr (GStrvBuilder) features = g_strv_builder_new ();
  g_auto (GStrv) offered = NULL;
  g_autoptr (GDBusMessage) reply = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GError) error = NULL;
  char **answer;

  g_strv_builder_add_many (features, "gvariant", "frames", "cancel", "call-options", NULL);
  if ((ways & FRAMES_BOARD) != 0)
    g_strv_builder_add (features, "board");
  if ((ways & FRAMES_LANE) != 0)
    g_strv_builder_add (features, "lane");
  if ((ways & FRAMES_SEGMENTS) != 0)
    g_strv_builder_add (features, "segments");
  offered = g_strv_builder_end (features);

  g_variant_builder_add (options, "{sv}", "version", g_variant_new_uint32 (1));
  g_variant_builder_add (options, "{sv}", "features",
                         g_variant_new_strv ((const char * const *) offered, -1));
  if (g_unix_fd_list_get_length (fds) > 0)
    g_dbus_message_set_unix_fd_list (message, fds);
  g_dbus_message_set_body (message, g_variant_new ("(a{sv})", options));

  reply = g_dbus_connection_send_message_with_reply_sync (self->peer->connection, message,
                                                          G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                                          PEER_PATIENCE_MSEC, NULL, NULL, &error);
  g_assert_no_error (error);
  info = g_variant_get_child_value (g_dbus_message_get_body (reply), 0);
  g_assert_true (g_variant_lookup (info, "features", "^as", &answer));

  return answer;
}

/* Takes @fd, on which frames travel from now on. */
void
frames_use_lane (Frames *self,
                 int     fd)
{
  self->lane = fd;
  self->lane_source = g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, lane_cb, self);
}

static void
begin (Frames     *self,
       FramesWays  ways)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_auto (GStrv) answer = NULL;
  GVariantBuilder options;
  int lane[2] = { -1, -1 };

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if ((ways & FRAMES_BOARD) != 0)
    add_descriptor (fds, &options, "board", make_board (self));
  if ((ways & FRAMES_LANE) != 0)
    g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lane));
  add_descriptor (fds, &options, "lane", lane[1]);

  answer = initialize (self, ways, &options, fds);
  g_assert_true (g_strv_contains ((const char * const *) answer, "frames"));
  g_assert_true (g_strv_contains ((const char * const *) answer, "board") ==
                 ((ways & FRAMES_BOARD) != 0));
  g_assert_true (g_strv_contains ((const char * const *) answer, "lane") ==
                 ((ways & FRAMES_LANE) != 0));

  if (lane[0] >= 0)
    frames_use_lane (self, lane[0]);
}

/* Initializes once more, and offers @fd as a lane under @handle; whether there is one then
 * is as @expected. */
void
frames_offer_lane (Frames   *self,
                   int       fd,
                   int       handle,
                   gboolean  expected)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_auto (GStrv) answer = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (fd >= 0)
    g_assert_cmpint (g_unix_fd_list_append (fds, fd, NULL), ==, 0);
  if (handle >= 0)
    g_variant_builder_add (&options, "{sv}", "lane", g_variant_new_handle (handle));

  answer = initialize (self, FRAMES_LANE, &options, fds);
  g_assert_true (g_strv_contains ((const char * const *) answer, "lane") == expected);
}

Frames *
frames_new (Peer       *peer,
            FramesWays  ways)
{
  Frames *self = g_new0 (Frames, 1);

  self->peer = peer;
  self->lane = -1;
  self->calls = g_byte_array_new ();
  self->packets = g_byte_array_new ();
  self->results = g_ptr_array_new_with_free_func (free_result);
  self->connection = g_object_ref (peer->connection);
  self->subscription =
    g_dbus_connection_signal_subscribe (self->connection, NULL, INTERFACE, "Results", OBJECT_PATH,
                                        NULL, G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, results_cb, self,
                                        NULL);
  begin (self, ways);

  return self;
}

/* Ends the lane, and nothing else. */
void
frames_shut_lane (Frames *self)
{
  g_assert_no_errno (shutdown (self->lane, SHUT_RDWR));
}

void
frames_free (Frames *self)
{
  /* Results may be on their way in the main context. */
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  g_object_unref (self->connection);
  if (self->board != NULL)
    munmap (self->board, BOARD_BYTES);
  if (self->lane_source != 0)
    g_source_remove (self->lane_source);
  if (self->lane >= 0)
    close (self->lane);
  g_byte_array_unref (self->packets);
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

/* Writes to the lane, and waits for room. */
void
frames_send_bytes (Frames     *self,
                   const void *data,
                   gsize       size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = send (self->lane, (const guint8 *) data + done, size - done, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      done += (gsize) n;
    }
}

static void
send_packet (Frames       *self,
             const guint8 *frame,
             gsize         size)
{
  guint32 prefix[2] = { (guint32) (sizeof prefix + size), 0 };

  frames_send_bytes (self, prefix, sizeof prefix);
  frames_send_bytes (self, frame, size);
}

/* Sends an item that is alone on the lane. */
void
frames_send_note (Frames    *self,
                  FrameKind  kind,
                  guint64    id)
{
  guint8 item[sizeof (Header) + 8] = { 0 };
  Header header = { .size = sizeof item, .kind = (guint8) kind, .id = id };

  memcpy (item, &header, sizeof header);
  send_packet (self, item, sizeof item);
}

void
frames_cancel (Frames  *self,
               guint64  id)
{
  if (self->lane >= 0)
    {
      frames_send_note (self, FRAME_CANCEL, id);
      return;
    }

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
  if (self->lane >= 0)
    send_packet (self, self->calls->data, self->calls->len);
  else
    {
      GVariant *members[] = {
        g_variant_new_uint32 (0),
        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, self->calls->data, self->calls->len, 1),
      };

      send_message (self, "Calls", g_variant_new_tuple (members, G_N_ELEMENTS (members)));
    }
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

/* Waits until the worker has closed the lane. */
void
frames_await_end (Frames *self)
{
  guint timeout = g_timeout_add (PEER_PATIENCE_MSEC, out_of_patience_cb, NULL);

  while (self->lane_source != 0)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);
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
               FramesWays          ways)
{
  self->peer = peer_new (argv);
  self->frames = frames_new (self->peer, ways);
}

void
served_tear_down (Served        *self,
                  gconstpointer  user_data G_GNUC_UNUSED)
{
  if (self->peer == NULL)
    return;

  if (self->frames->lane >= 0)
    {
      frames_send_note (self->frames, FRAME_EXIT, 0);
      frames_await_end (self->frames);
      frames_free (self->frames);
      g_assert_cmpint (peer_free (self->peer), ==, 0);
      return;
    }

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
