/* ppool-stderr.c: tee and tail of a worker's standard error
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-stderr-private.h"

#include "ppool-error.h"
#include "ppool-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_SIZE 4096

/* The stacks of a few threads: some languages begin with the end, where the fault is. */
#define TAIL_SIZE (32 * 1024)

/* How much is read before the other sources of the context have their turn. */
#define CHUNKS_PER_DISPATCH 8

/* When to try again what this process's standard error could not take. */
#define RETRY_MSEC 20

/* In how many parts the tail is known by the time in which it came. */
#define N_PARTS 32

/* What surely fits where poll() finds any room. */
#define POLLED_SIZE 256

/* A worker's standard error is a pipe that is read in the manager's context, a
 * chunk at a time: into the tail, and on to this process's standard error. Where
 * that takes no more, the chunk is held and nothing is read until it is gone, so
 * that in the end the worker waits, as it would if it wrote there itself; the
 * manager never does.
 *
 * End-of-file is not awaited, since a child of the worker may hold the pipe. As that
 * would be killed by SIGPIPE if nobody read any more, a thread takes the pipe over when
 * the worker has gone, and passes on what comes until the last writer has closed it.
 * The thread is nobody's: neither a shutdown nor the end of the program waits for it.
 *
 * Everything here belongs to the thread that iterates the context, or to that one. */
typedef struct
{
  guint64 start; /* how many bytes were seen before */
  gint64 time;   /* when the last one came; monotonic */
} Part;

struct _PPoolStderr
{
  PPoolStderrMode mode;
  int fd;                /* (owned); -1 where there is nothing to read any more */
  GSource *source;       /* (owned) (nullable); NULL without a pipe and once finished */
  gpointer fd_tag;       /* (nullable); NULL while nothing is to be read */

  char held[CHUNK_SIZE]; /* what is still to go to standard error … */
  gsize held_start;      /* … from here … */
  gsize held_end;        /* … to here */

  char *tail;            /* (owned) (nullable): a ring; most workers write nothing */
  guint64 n_seen;        /* all bytes that ever went into it */
  Part parts[N_PARTS];   /* of what was seen, in order */
  guint n_parts;
};

typedef struct
{
  GSource parent;
  PPoolStderr *room; /* (unowned); it destroys the source first */
} StderrSource;

/* Two of the parts become one where there are too many. */
static void
note_part (PPoolStderr *self)
{
  if (self->n_parts == N_PARTS)
    {
      self->n_parts /= 2;
      for (guint i = 0; i < self->n_parts; i++)
        self->parts[i] = (Part){ self->parts[2 * i].start, self->parts[2 * i + 1].time };
    }

  self->parts[self->n_parts++] = (Part){ self->n_seen, g_get_monotonic_time () };
}

/* How many bytes were seen before the first that may have been written at @since or later. */
static guint64
find_start (PPoolStderr *self,
            gint64       since)
{
  for (guint i = 0; i < self->n_parts; i++)
    {
      if (self->parts[i].time >= since)
        return self->parts[i].start;
    }

  return self->n_seen;
}

static void
keep_tail (PPoolStderr *self,
           const char  *bytes,
           gsize        n_bytes)
{
  gsize i;

  if (self->tail == NULL)
    self->tail = g_malloc (TAIL_SIZE);

  note_part (self);
  for (i = 0; i < n_bytes; i++)
    self->tail[(self->n_seen + i) % TAIL_SIZE] = bytes[i];
  self->n_seen += n_bytes;
}

/* The file that was standard error when the library was loaded. */
static struct
{
  gboolean known; /* all written once, at the load */
  dev_t device;
  ino_t inode;
} original;

__attribute__ ((constructor)) static void
remember_original (void)
{
  struct stat st;

  original.known = fstat (STDERR_FILENO, &st) == 0;
  if (original.known)
    {
      original.device = st.st_dev;
      original.inode = st.st_ino;
    }
}

/* A program that closes its standard error and opens something else may find it under
 * that number. What was standard error from the start is, and so is what was made so
 * on purpose: dup2() makes descriptors that are inherited, while what is opened for
 * another use is not to be, or should not. */
static gboolean
is_standard_error (const struct stat *st)
{
  if (original.known && st->st_dev == original.device && st->st_ino == original.inode)
    return TRUE;

  return (fcntl (STDERR_FILENO, F_GETFD) & FD_CLOEXEC) == 0;
}

/* What @n_bytes from write() or send() means here: how many went out, 0 if none
 * goes now, -1 if none ever will. */
static gssize
outcome (gssize n_bytes)
{
  if (n_bytes >= 0)
    return n_bytes;

  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* For a file that can't be opened a second time: a terminal of another user,
 * say. */
static gssize
write_polled (const char *bytes,
              gsize       n_bytes)
{
  struct pollfd poll_fd = { STDERR_FILENO, POLLOUT, 0 };

  if (poll (&poll_fd, 1, 0) <= 0)
    return 0;

  return outcome (write (STDERR_FILENO, bytes, MIN (n_bytes, POLLED_SIZE)));
}

/* A pipe or a terminal makes a writer wait unless it was opened not to. That
 * can't be set for standard error as it is, which other processes share, so
 * it is opened once more. */
static gssize
write_reopened (const char *bytes,
                gsize       n_bytes)
{
  gssize written;
  int fd;

  fd = ppool_fd_lift (open ("/proc/self/fd/" G_STRINGIFY (STDERR_FILENO),
                            O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd < 0)
    return errno == ENXIO ? -1 : write_polled (bytes, n_bytes);

  written = outcome (write (fd, bytes, n_bytes));
  close (fd);

  return written;
}

static gssize
write_now (const char *bytes,
           gsize       n_bytes)
{
  struct stat st;

  if (fstat (STDERR_FILENO, &st) != 0 || !is_standard_error (&st))
    return -1;

  if (S_ISSOCK (st.st_mode))
    return outcome (send (STDERR_FILENO, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL));

  if (S_ISFIFO (st.st_mode) || isatty (STDERR_FILENO))
    return write_reopened (bytes, n_bytes);

  return outcome (write (STDERR_FILENO, bytes, n_bytes));
}

/* Whether nothing is held any more. */
static gboolean
flush_held (PPoolStderr *self)
{
  gssize written = 1;

  while (self->held_start < self->held_end && written > 0)
    {
      written = write_now (self->held + self->held_start, self->held_end - self->held_start);
      if (written < 0)
        self->held_start = self->held_end;
      else
        self->held_start += (gsize) written;
    }

  return self->held_start == self->held_end;
}

static void
set_reading (PPoolStderr *self,
             gboolean     reading)
{
  if (reading && self->fd_tag == NULL && self->fd >= 0)
    self->fd_tag = g_source_add_unix_fd (self->source, self->fd, G_IO_IN);
  else if (!reading && self->fd_tag != NULL)
    g_source_remove_unix_fd (self->source, g_steal_pointer (&self->fd_tag));
}

static void
close_pipe (PPoolStderr *self)
{
  set_reading (self, FALSE);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

/* Reads one chunk in place of what was held, and tells its size: 0 if there is
 * nothing now or will be nothing any more. */
static gsize
read_chunk (PPoolStderr *self,
            gsize        limit)
{
  gssize n_bytes;

  n_bytes = read (self->fd, self->held, MIN (limit, sizeof self->held));
  if (n_bytes <= 0)
    {
      if (n_bytes == 0 || (errno != EAGAIN && errno != EINTR))
        close_pipe (self);
      return 0;
    }

  keep_tail (self, self->held, (gsize) n_bytes);
  self->held_start = 0;
  self->held_end = self->mode == PPOOL_STDERR_MODE_TEE ? (gsize) n_bytes : 0;

  return (gsize) n_bytes;
}

static gboolean
dispatch (GSource     *source,
          GSourceFunc  callback,
          gpointer     user_data)
{
  PPoolStderr *self = ((StderrSource *) source)->room;
  gboolean flushed = flush_held (self);
  int i;

  for (i = 0; i < CHUNKS_PER_DISPATCH && flushed && self->fd >= 0; i++)
    {
      if (read_chunk (self, sizeof self->held) == 0)
        break;
      flushed = flush_held (self);
    }

  set_reading (self, flushed);
  g_source_set_ready_time (source, flushed ? -1 : g_get_monotonic_time () +
                                                    RETRY_MSEC * G_TIME_SPAN_MILLISECOND);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

static gboolean
open_pipe (PPoolStderr  *self,
           int          *write_fd,
           GError      **error)
{
  int fds[2];

  if (pipe2 (fds, O_CLOEXEC) != 0 || !ppool_fd_lift_pair (fds))
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH,
                   "cannot create a pipe for its standard error: %s", g_strerror (errno));
      return FALSE;
    }

  self->fd = fds[0];
  if (!g_unix_set_fd_nonblocking (self->fd, TRUE, error))
    {
      close (fds[1]);
      return FALSE;
    }

  *write_fd = fds[1];

  return TRUE;
}

/* Makes the pipe that becomes the standard error of a worker, and reads it in
 * @context until it is finished. @write_fd is the worker's end, or -1 where the
 * worker is to inherit this process's. */
PPoolStderr *
ppool_stderr_new (PPoolStderrMode   mode,
                  GMainContext     *context,
                  int              *write_fd,
                  GError          **error)
{
  PPoolStderr *self = g_new0 (PPoolStderr, 1);

  self->mode = mode;
  self->fd = -1;
  *write_fd = -1;

  if (mode == PPOOL_STDERR_MODE_INHERIT)
    return self;

  if (!open_pipe (self, write_fd, error))
    {
      ppool_stderr_free (self);
      return NULL;
    }

  self->source = g_source_new (&source_funcs, sizeof (StderrSource));
  ((StderrSource *) self->source)->room = self;
  g_source_set_static_name (self->source, "PPool worker's standard error");
  set_reading (self, TRUE);
  g_source_attach (self->source, context);

  return self;
}

/* Takes what there is in the pipe now. What standard error doesn't take at once is in
 * the tail alone. */
void
ppool_stderr_catch_up (PPoolStderr *self)
{
  int left = 0;
  gsize n_bytes;

  /* Not until there is nothing more: a child of the worker may go on writing. */
  if (self->fd < 0 || ioctl (self->fd, FIONREAD, &left) != 0)
    left = 0;

  flush_held (self);
  while (left > 0 && (n_bytes = read_chunk (self, (gsize) left)) > 0)
    {
      left -= (int) n_bytes;
      flush_held (self);
    }
}

/* The end of what the worker wrote at a monotonic time or later, fit for a message: whole
 * lines as far as they fit, valid UTF-8, without white space around. Empty if there is
 * nothing. What had not been read by then is taken for later. */
char *
ppool_stderr_dup_tail (PPoolStderr *self,
                       gint64       since)
{
  guint64 n_since = self->n_seen - find_start (self, since);
  gsize length = (gsize) MIN (n_since, TAIL_SIZE);
  g_autoptr (GString) bytes = g_string_sized_new (length);
  const char *newline;
  gsize i, start = 0;

  for (i = 0; i < length; i++)
    g_string_append_c (bytes, self->tail[(self->n_seen - length + i) % TAIL_SIZE]);

  if (n_since > TAIL_SIZE)
    {
      newline = memchr (bytes->str, '\n', bytes->len - 1);
      if (newline != NULL)
        start = (gsize) (newline + 1 - bytes->str);
      else
        while (start < bytes->len && ((guchar) bytes->str[start] & 0xC0) == 0x80)
          start++;
    }

  return g_strstrip (g_utf8_make_valid (bytes->str + start, (gssize) (bytes->len - start)));
}

static void
detach (PPoolStderr *self)
{
  set_reading (self, FALSE);
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
}

/* Reads no more. */
void
ppool_stderr_free (PPoolStderr *self)
{
  detach (self);
  close_pipe (self);
  g_free (self->tail);
  g_free (self);
}

/* After the worker */

static gpointer
read_on (gpointer data)
{
  g_autoptr (PPoolStderr) self = data;

  while (self->fd >= 0)
    {
      struct pollfd input = { .fd = self->fd, .events = POLLIN };

      if (flush_held (self))
        poll (&input, 1, -1);
      else
        poll (NULL, 0, RETRY_MSEC);

      if (self->held_start == self->held_end)
        read_chunk (self, sizeof self->held);
    }

  return NULL;
}

/* Whether nothing will come any more. */
static gboolean
is_at_end (PPoolStderr *self)
{
  struct pollfd input = { .fd = self->fd, .events = POLLIN };

  return self->fd < 0 || (poll (&input, 1, 0) == 1 && (input.revents & POLLIN) == 0);
}

/* Takes what a worker that has gone left in its pipe, and releases @self, which it
 * takes. A process that the worker has started may go on writing. */
void
ppool_stderr_release (PPoolStderr *self)
{
  g_autoptr (PPoolStderr) room = self;
  g_autoptr (GError) error = NULL;
  GThread *thread;

  ppool_stderr_catch_up (room);
  detach (room);
  if (is_at_end (room))
    return;

  thread = g_thread_try_new ("ppool-stderr", read_on, room, &error);
  if (thread == NULL)
    {
      g_debug ("Nobody reads the standard error of what a worker has left behind: %s",
               error->message);
      return;
    }

  g_thread_unref (thread);
  room = NULL;
}
