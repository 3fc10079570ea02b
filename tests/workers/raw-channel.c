/* raw-channel.c: D-Bus messages of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "raw-channel.h"

#include <gio/gunixfdlist.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* As many as the kernel takes at once. */
#define MAX_DESCRIPTORS 253

int raw_channel;
int raw_beside = -1;
int raw_fds[RAW_MAX_FDS] = { -1, -1, -1, -1 };
guint32 raw_last_serial;
static guint32 next_serial = 1;

/* Keeps the last descriptors that came along. */
static gssize
receive (void  *buffer,
         gsize  size)
{
  struct iovec data = { .iov_base = buffer, .iov_len = size };
  union
  {
    char buffer[CMSG_SPACE (sizeof raw_fds)];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.buffer,
                            .msg_controllen = sizeof control.buffer };
  gssize n = recvmsg (raw_channel, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *part = n > 0 ? CMSG_FIRSTHDR (&message) : NULL;

  if (part != NULL && part->cmsg_type == SCM_RIGHTS)
    memcpy (raw_fds, CMSG_DATA (part), part->cmsg_len - CMSG_LEN (0));

  return n;
}

gboolean
raw_read (void  *buffer,
          gsize  size)
{
  gsize done = 0;

  while (done < size)
    {
      gssize n = receive ((char *) buffer + done, size - done);

      if (n == 0 || (n < 0 && errno != EINTR))
        return FALSE;
      if (n > 0)
        done += n;
    }

  return TRUE;
}

void
raw_write (const void *buffer,
           gsize       size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = write (raw_channel, (const char *) buffer + done, size - done);

      if (n < 0 && errno != EINTR)
        _exit (90);
      if (n > 0)
        done += n;
    }
}

/* From now on everything is read from the lane @fd, and written to it. */
void
raw_use_lane (int fd)
{
  raw_beside = raw_channel;
  raw_channel = fd;
}

/* With a descriptor as often as it says. */
void
raw_write_packet (const void *frame,
                  gsize       size,
                  int         fd,
                  guint       n_descriptors)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  const guint32 prefix[2] = { (guint32) (sizeof prefix + size), 0 };

  g_byte_array_append (packet, (const guint8 *) prefix, sizeof prefix);
  g_byte_array_append (packet, frame, size);
  if (n_descriptors > 0)
    raw_write_with_fd (packet->data, packet->len, fd, n_descriptors);
  else
    raw_write (packet->data, packet->len);
}

/* Returns: the frame in the next one */
GByteArray *
raw_read_packet (void)
{
  GByteArray *frame = g_byte_array_new ();
  guint32 prefix[2];

  if (!raw_read (prefix, sizeof prefix))
    _exit (93);
  g_assert_cmpuint (prefix[0], >, sizeof prefix);
  g_assert_cmpuint (prefix[1], ==, 0);
  g_byte_array_set_size (frame, prefix[0] - sizeof prefix);
  if (!raw_read (frame->data, frame->len))
    _exit (94);

  return frame;
}

/* Says that line, and waits for one that begins so. */
static void
converse (const char *line,
          const char *answer)
{
  g_autofree char *begin = g_malloc0 (strlen (answer) + 1);
  char c = 0;

  raw_write (line, strlen (line));
  if (!raw_read (begin, strlen (answer)))
    _exit (91);
  g_assert_cmpstr (begin, ==, answer);
  while (c != '\n')
    if (!raw_read (&c, 1))
      _exit (91);
}

/* So that messages can follow, with descriptors or without. */
void
raw_authenticate (gboolean descriptors)
{
  raw_write ("", 1);
  converse ("AUTH ANONYMOUS\r\n", "OK");
  if (descriptors)
    converse ("NEGOTIATE_UNIX_FD\r\n", "AGREE_UNIX_FD");
  raw_write ("BEGIN\r\n", strlen ("BEGIN\r\n"));
}

/* As often as it says, with the first byte. */
void
raw_write_with_fd (const void *buffer,
                   gsize       size,
                   int         fd,
                   guint       n_descriptors)
{
  struct iovec data = { .iov_base = (void *) buffer, .iov_len = size };
  union
  {
    char buffer[CMSG_SPACE (MAX_DESCRIPTORS * sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr message = { .msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.buffer,
                            .msg_controllen = CMSG_SPACE (n_descriptors * sizeof (int)) };
  struct cmsghdr *part = CMSG_FIRSTHDR (&message);

  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN (n_descriptors * sizeof fd);
  for (guint i = 0; i < n_descriptors; i++)
    memcpy (CMSG_DATA (part) + i * sizeof fd, &fd, sizeof fd);
  if (sendmsg (raw_channel, &message, 0) != (ssize_t) size)
    _exit (92);
}

/* The descriptors are all the standard error. */
void
raw_write_with_descriptors (const void *buffer,
                            gsize       size,
                            guint       n_descriptors)
{
  raw_write_with_fd (buffer, size, STDERR_FILENO, n_descriptors);
}

GDBusMessage *
raw_read_message (void)
{
  g_autofree guchar *blob = g_malloc (RAW_HEADER_SIZE);
  GDBusMessage *message;
  gssize size;

  if (!raw_read (blob, RAW_HEADER_SIZE))
    _exit (0);
  size = g_dbus_message_bytes_needed (blob, RAW_HEADER_SIZE, NULL);
  g_assert_cmpint (size, >, 0);
  blob = g_realloc (blob, size);
  if (!raw_read (blob + RAW_HEADER_SIZE, size - RAW_HEADER_SIZE))
    _exit (0);

  message = g_dbus_message_new_from_blob (blob, size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_assert_nonnull (message);
  raw_last_serial = g_dbus_message_get_serial (message);

  return message;
}

guchar *
raw_make_blob (GDBusMessage *message,
               gsize        *size)
{
  g_autoptr (GError) error = NULL;
  guchar *blob;

  g_dbus_message_set_serial (message, next_serial++);
  blob = g_dbus_message_to_blob (message, size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);

  return blob;
}

/* GDBus has no number without descriptors. */
void
raw_declare_descriptors (GDBusMessage *message,
                         guint         n)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();

  for (guint i = 0; i < n; i++)
    g_assert_cmpint (g_unix_fd_list_append (list, STDERR_FILENO, NULL), >=, 0);
  g_dbus_message_set_unix_fd_list (message, list);
}

void
raw_write_message (GDBusMessage *message)
{
  gsize size;
  g_autofree guchar *blob = raw_make_blob (message, &size);

  raw_write (blob, size);
}

GDBusMessage *
raw_make_reply (guint32   serial,
                GVariant *body)
{
  GDBusMessage *message = g_dbus_message_new ();

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_reply_serial (message, serial);
  if (body != NULL)
    g_dbus_message_set_body (message, body);

  return message;
}

void
raw_reply (guint32   serial,
           GVariant *body)
{
  g_autoptr (GDBusMessage) message = raw_make_reply (serial, body);

  raw_write_message (message);
}

void
raw_reply_error (const char *name,
                 GVariant   *body)
{
  g_autoptr (GDBusMessage) message = raw_make_reply (raw_last_serial, body);

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_error_name (message, name);
  raw_write_message (message);
}
