/* ppool-wire-auth.c: how a worker says who it is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-wire-internal.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"

/* The client's half of the authentication of D-Bus: lines of text, and then
 * messages, of which some may have come with the last line. It waits, as there
 * is nothing else to be done before. */

/* What the other side says of itself when it is anonymous; nobody reads it. */
#define TRACE "ppool"

static gboolean
set_refused (GError     **error,
             const char  *line)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL,
               "The pool answered the authentication with “%.255s”", line);
  return FALSE;
}

static gboolean
wait_for_input (PPoolWire  *self,
                GError    **error)
{
  struct pollfd input = { .fd = self->fd, .events = POLLIN };
  g_autoptr (GError) local_error = NULL;
  gsize before = self->end - self->start;
  gboolean more;

  if (!ppool_wire_receive (self, TRUE, &more, &local_error))
    {
      if (local_error != NULL)
        g_propagate_error (error, g_steal_pointer (&local_error));
      else
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the channel was closed");
      return FALSE;
    }

  /* Somebody has made the socket one that does not wait. */
  if (self->end - self->start == before)
    poll (&input, 1, -1);

  return TRUE;
}

/* Returns: (nullable) (transfer full): the next line, made fit to be shown */
static char *
read_line (PPoolWire  *self,
           GError    **error)
{
  const char *begin, *end;
  char *line;

  while (TRUE)
    {
      begin = (const char *) self->input + self->start;
      end = memmem (begin, self->end - self->start, "\r\n", 2);
      if (end != NULL)
        break;

      if (self->end == PPOOL_WIRE_INPUT_SIZE)
        {
          set_refused (error, "a line without end");
          return NULL;
        }
      if (!wait_for_input (self, error))
        return NULL;
    }

  line = g_utf8_make_valid (begin, end - begin);
  self->start += (gsize) (end - begin) + 2;

  return line;
}

static char *
hexadecimal (const char *text)
{
  GString *digits = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++)
    g_string_append_printf (digits, "%02x", (guint8) *p);

  return g_string_free (digits, FALSE);
}

/* Returns: (nullable) (transfer full): what the other side answers */
static char *
propose (PPoolWire   *self,
         const char  *prefix,
         gsize        prefix_size,
         const char  *mechanism,
         const char  *identity,
         GError     **error)
{
  g_autofree char *digits = hexadecimal (identity);
  g_autofree char *line = g_strdup_printf ("AUTH %s %s\r\n", mechanism, digits);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) prefix, (guint) prefix_size);
  g_byte_array_append (bytes, (const guint8 *) line, (guint) strlen (line));
  ppool_wire_write (self, bytes->data, bytes->len);

  return read_line (self, error);
}

/* The pool can't tell who it is where the two sides number users differently,
 * as in a user namespace; then it does without. */
static gboolean
agree_on_identity (PPoolWire  *self,
                   GError    **error)
{
  g_autofree char *user = g_strdup_printf ("%u", (guint) geteuid ());
  g_autofree char *line = propose (self, "\0", 1, "EXTERNAL", user, error);

  if (line != NULL && g_str_has_prefix (line, "REJECTED"))
    {
      g_free (line);
      line = propose (self, "", 0, "ANONYMOUS", TRACE, error);
    }

  if (line == NULL)
    return FALSE;

  return g_str_has_prefix (line, "OK ") || set_refused (error, line);
}

static gboolean
is_local (PPoolWire *self)
{
  int domain;
  socklen_t size = sizeof domain;

  return getsockopt (self->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static void
say (PPoolWire  *self,
     const char *text)
{
  ppool_wire_write (self, (const guint8 *) text, strlen (text));
}

/* Waits until the other side knows who this is, with no bound. */
gboolean
ppool_wire_authenticate (PPoolWire  *self,
                         GError    **error)
{
  g_autofree char *line = NULL;

  if (!agree_on_identity (self, error))
    return FALSE;

  if (!is_local (self))
    {
      say (self, "BEGIN\r\n");
      return TRUE;
    }

  /* Whether descriptors pass is the other side's to say; where it has none,
   * there will be none in its messages. */
  say (self, "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
  line = read_line (self, error);
  if (line == NULL)
    return FALSE;

  self->passes_fds = g_str_has_prefix (line, "AGREE_UNIX_FD");

  return self->passes_fds || g_str_has_prefix (line, "ERROR") || set_refused (error, line);
}

/* Whether the two sides have agreed on that. */
gboolean
ppool_wire_passes_fds (PPoolWire *self)
{
  return self->passes_fds;
}
