/* segments.c: what large values cost on their way to another process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ppool-borrower-private.h"
#include "ppool-buffer.h"
#include "ppool-lender-private.h"

/* One value after the other goes to a child that reads all of it and gives it back;
 * in turn by each of several ways, five rounds, of which medians are shown. */

#define N_ROUNDS 5
#define MAX_SIZE ((gsize) 16 * 1024 * 1024)

typedef enum
{
  REUSED,   /* stored in a segment that both know */
  FRESH,    /* stored in one that is new to both */
  IN_PLACE, /* filled in a buffer */
  SOCKET,   /* written to the socket, and read into memory of its own */
  N_WAYS,
} Way;

typedef struct
{
  guint32 way;
  guint32 announced;
  guint64 size;
  PPoolAnnouncement announcement;
  PPoolLoan loan;
} Message;

typedef struct
{
  int socket;
  PPoolLender *lender;
  PPoolBorrower *borrower;
  guint8 *source;
  guint8 *target;
} Peer;

static volatile guint64 sink;

static void
write_all (int           fd,
           gconstpointer data,
           gsize         size)
{
  for (gsize done = 0; done < size;)
    {
      gssize n = write (fd, (const guint8 *) data + done, size - done);

      g_assert (n > 0);
      done += (gsize) n;
    }
}

static gboolean
read_all (int      fd,
          gpointer data,
          gsize    size)
{
  for (gsize done = 0; done < size;)
    {
      gssize n = read (fd, (guint8 *) data + done, size - done);

      if (n <= 0)
        return FALSE;
      done += (gsize) n;
    }

  return TRUE;
}

static void
send_message (int            fd,
              const Message *message)
{
  char control[CMSG_SPACE (sizeof (int))] = { 0 };
  struct iovec vector = { (gpointer) message, sizeof *message };
  struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

  if (message->announced)
    {
      struct cmsghdr *part;

      header.msg_control = control;
      header.msg_controllen = sizeof control;
      part = CMSG_FIRSTHDR (&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (part), &message->announcement.fd, sizeof (int));
    }
  g_assert (sendmsg (fd, &header, 0) == sizeof *message);
}

static gboolean
receive_message (int      fd,
                 Message *message)
{
  char control[CMSG_SPACE (sizeof (int))] = { 0 };
  struct iovec vector = { message, sizeof *message };
  struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control };

  if (recvmsg (fd, &header, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof *message)
    return FALSE;
  if (message->announced)
    memcpy (&message->announcement.fd, CMSG_DATA (CMSG_FIRSTHDR (&header)), sizeof (int));

  return TRUE;
}

static guint64
add_up (const guint8 *data,
        gsize         size)
{
  guint64 sum = 0;

  for (gsize i = 0; i + 8 <= size; i += 8)
    {
      guint64 word;

      memcpy (&word, data + i, 8);
      sum += word;
    }

  return sum;
}

static void
ignore_cb (gpointer owner G_GNUC_UNUSED)
{
}

static gpointer
ref_cb (gpointer owner)
{
  return owner;
}

static void G_GNUC_NORETURN
serve (Peer *self)
{
  PPoolLoan back = { 0 };
  Message message;

  self->borrower = ppool_borrower_new (ignore_cb, self, ref_cb, ignore_cb);
  while (receive_message (self->socket, &message))
    {
      if (message.announced)
        {
          ppool_borrower_register (self->borrower, message.announcement.number,
                                   message.announcement.size, message.announcement.fd, NULL);
          close (message.announcement.fd);
        }
      if (message.way == SOCKET)
        {
          g_assert (read_all (self->socket, self->target, message.size));
          sink += add_up (self->target, message.size);
        }
      else
        {
          GVariant *value = ppool_borrower_load (self->borrower, &message.loan, "ay", NULL);

          sink += add_up (g_variant_get_data (value), message.size);
          g_variant_unref (value);
          ppool_borrower_give_back (self->borrower, &back.number, &back.generation);
        }
      if (message.way == FRESH)
        ppool_borrower_forget (self->borrower, message.loan.number, NULL);
      write_all (self->socket, &back, sizeof back);
    }
  _exit (0);
}

static GVariant *
make_value (Peer   *self,
            Way     way,
            gsize   size,
            guint8  byte)
{
  if (way == IN_PLACE)
    {
      g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (size, NULL);

      memset (ppool_buffer_get_data (buffer, NULL), byte, size);
      return ppool_buffer_to_variant (buffer, NULL, NULL);
    }

  memset (self->source, byte, size);
  return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, self->source, size,
                                                      TRUE, NULL, NULL));
}

static void
exchange (Peer   *self,
          Way     way,
          gsize   size,
          guint8  byte)
{
  g_autoptr (GVariant) value = make_value (self, way, size, byte);
  Message message = { .way = way, .size = size };
  PPoolLoan back;
  guint32 number;

  if (way != SOCKET)
    {
      g_assert (ppool_lender_lend (self->lender, value, &message.loan, NULL));
      message.announced = ppool_lender_take_announcement (self->lender, &message.announcement);
    }
  send_message (self->socket, &message);
  if (message.announced)
    close (message.announcement.fd);
  if (way == SOCKET)
    write_all (self->socket, self->source, size);

  g_assert (read_all (self->socket, &back, sizeof back));
  if (way != SOCKET)
    ppool_lender_take_back (self->lender, back.number, back.generation, NULL);
  if (way == FRESH)
    ppool_lender_trim (self->lender, G_MAXINT64);
  while (ppool_lender_take_forgotten (self->lender, &number))
    continue;
}

/* Microseconds for one value. */
static double
measure (Peer  *self,
         Way    way,
         gsize  size,
         guint  n)
{
  gint64 start;

  exchange (self, way, size, 0);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < n; i++)
    exchange (self, way, size, (guint8) i);

  return (double) (g_get_monotonic_time () - start) / n;
}

/* The same work in one process. */
static double
measure_here (Peer     *self,
              gsize     size,
              guint     n,
              gboolean  copies)
{
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    {
      memset (self->source, (int) i, size);
      if (copies)
        memcpy (self->target, self->source, size);
      sink += add_up (copies ? self->target : self->source, size);
    }

  return (double) (g_get_monotonic_time () - start) / n;
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  double difference = *(const double *) a - *(const double *) b;

  return (difference > 0) - (difference < 0);
}

static void
print_row (Peer  *self,
           gsize  size)
{
  guint n = (guint) CLAMP (MAX_SIZE * 2 / size, 6, 300);
  double times[N_WAYS + 2][N_ROUNDS];

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      times[N_WAYS][round] = measure_here (self, size, n, FALSE);
      times[N_WAYS + 1][round] = measure_here (self, size, n, TRUE);
      for (guint way = 0; way < N_WAYS; way++)
        times[way][round] = measure (self, (Way) way, size, way == FRESH ? MIN (n, 60) : n);
    }

  g_print ("%8" G_GSIZE_FORMAT " KiB", size / 1024);
  for (guint i = 0; i < N_WAYS + 2; i++)
    {
      qsort (times[i], N_ROUNDS, sizeof (double), compare);
      g_print (" %12.1f", times[i][N_ROUNDS / 2]);
    }
  g_print ("\n");
}

int
main (void)
{
  Peer self = { .source = g_malloc (MAX_SIZE), .target = g_malloc (MAX_SIZE) };
  int sockets[2];
  pid_t pid;

  g_assert (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  memset (self.source, 1, MAX_SIZE);
  memset (self.target, 1, MAX_SIZE);
  pid = fork ();
  self.socket = sockets[pid != 0];
  close (sockets[pid == 0]);
  if (pid == 0)
    serve (&self);

  self.lender = ppool_lender_new ();
  g_print ("Microseconds to fill a value, send it to another process, and have it read there:\n"
           "%12s %12s %12s %12s %12s %12s %12s\n", "", "reused", "fresh", "in place", "socket",
           "here", "here, copied");
  for (gsize size = 32 * 1024; size <= MAX_SIZE; size *= size < 1024 * 1024 ? 2 : 4)
    print_row (&self, size);

  close (self.socket);
  waitpid (pid, NULL, 0);
  ppool_lender_unref (self.lender);
  g_free (self.source);
  g_free (self.target);

  return 0;
}
