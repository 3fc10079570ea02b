/* ppool-wire.c: D-Bus on a link, for who reads and writes by itself
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-wire-private.h"

#include <gio/gio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ppool-error.h"

/* The messages of a worker are packets on a link, and the other side sees no difference
 * to a GDBusConnection.
 *
 * Before them comes the client's half of the authentication of D-Bus: lines of text.
 * Some messages may have come with the last line. It waits, as there is nothing else to
 * be done before. */

/* What the other side says of itself when it is anonymous; nobody reads it. */
#define TRACE "ppool"

/* How long a line of that may be, in bytes. */
#define MAX_LINE (PPOOL_LINK_INPUT_SIZE / 2)

struct _PPoolWire
{
  PPoolLink *link;      /* (owned) */
  gboolean passes_fds;  /* written during authentication */
  guint32 last_serial;  /* the writing thread's */
};

static const PPoolLinkFormat format = { PPOOL_WIRE_PREFIX_SIZE, ppool_wire_measure };

/* A function has closed the channel, or put something else under its number. Nothing of
 * the worker works any more, nor does the thread that watches it: the pool would wait for
 * ever. As other descriptors are gone as well, so does the process. */
void
ppool_wire_end_without_channel (void)
{
  g_printerr ("The channel to the pool was closed in this process. Functions may close only "
              "descriptors that they have opened.\n");
  _exit (EXIT_FAILURE);
}

/* Takes @fd. */
PPoolWire *
ppool_wire_new (int fd)
{
  PPoolWire *self = g_new0 (PPoolWire, 1);

  self->link = ppool_link_new (fd, &format, ppool_wire_end_without_channel);

  return self;
}

void
ppool_wire_free (PPoolWire *self)
{
  ppool_link_free (self->link);
  g_free (self);
}

PPoolLink *
ppool_wire_get_link (PPoolWire *self)
{
  return self->link;
}

guint32
ppool_wire_next_serial (PPoolWire *self)
{
  if (++self->last_serial == 0)
    self->last_serial = 1;

  return self->last_serial;
}

/* Authentication */

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
  struct pollfd input = { .fd = ppool_link_get_fd (self->link), .events = POLLIN };
  g_autoptr (GError) local_error = NULL;
  gsize before, after;
  gboolean more;

  ppool_link_peek (self->link, &before);
  if (!ppool_link_read (self->link, TRUE, &more, &local_error))
    {
      if (local_error != NULL)
        g_propagate_error (error, g_steal_pointer (&local_error));
      else
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the channel was closed");
      return FALSE;
    }

  /* Somebody has made the socket one that does not wait. */
  ppool_link_peek (self->link, &after);
  if (after == before)
    poll (&input, 1, -1);

  return TRUE;
}

/* Returns: (nullable) (transfer full): the next line, made fit to be shown */
static char *
read_line (PPoolWire  *self,
           GError    **error)
{
  const char *begin, *end;
  gsize size;
  char *line;

  while (TRUE)
    {
      begin = (const char *) ppool_link_peek (self->link, &size);
      end = memmem (begin, size, "\r\n", 2);
      if (end != NULL)
        break;

      if (size >= MAX_LINE)
        {
          set_refused (error, "a line without end");
          return NULL;
        }
      if (!wait_for_input (self, error))
        return NULL;
    }

  line = g_utf8_make_valid (begin, end - begin);
  ppool_link_skip (self->link, (gsize) (end - begin) + 2);

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
  ppool_link_write (self->link, bytes->data, bytes->len, -1);

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

  return getsockopt (ppool_link_get_fd (self->link), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         domain == AF_UNIX;
}

static void
say (PPoolWire  *self,
     const char *text)
{
  ppool_link_write (self->link, (const guint8 *) text, strlen (text), -1);
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
