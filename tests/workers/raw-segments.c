/* raw-segments.c: shared memory of a worker without the library
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "raw-segments.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw-channel.h"
#include "raw-frames.h"

#define SIZE (64 * 1024)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* More than a pool registers. */
#define MANY 600

#define VALUE 2
#define LENT 1
#define SEGMENT 7

typedef struct
{
  guint32 number;
  guint32 generation;
  guint64 offset;
  guint64 length;
  char type[8];
} Loan;

static guint8 *content; /* of the segment that was announced last */

static int
make_memory (const char *how)
{
  int fd = memfd_create ("raw-segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
  if (!g_str_equal (how, "hole"))
    g_assert_cmpint (posix_fallocate (fd, 0, SIZE), ==, 0);
  content = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (content != MAP_FAILED);
  memset (content, 'c', g_str_equal (how, "hole") ? 1 : SIZE);
  if (!g_str_equal (how, "unsealed"))
    g_assert_cmpint (fcntl (fd, F_ADD_SEALS, SEALS), ==, 0);

  return fd;
}

static void
announce_in_packet (guint32 number,
                    guint64 size,
                    int     fd,
                    guint   n_descriptors)
{
  const struct
  {
    guint32 item_size;
    guint8 kind;
    guint8 padding[3];
    guint64 id;
    guint64 name;
    guint64 size;
  } item = { sizeof item, SEGMENT, { 0 }, (guint64) number << 32, 0, size };

  raw_write_packet (&item, sizeof item, fd, n_descriptors);
}

static void
announce (const char *how,
          guint32     number,
          int         fd)
{
  g_autoptr (GDBusMessage) message = NULL;
  guint n = g_str_equal (how, "bare") ? 0 : g_str_equal (how, "two") ? 2 : 1;
  guint64 size = g_str_equal (how, "short") ? SIZE + 1 : g_str_equal (how, "empty") ? 0 : SIZE;
  g_autofree guchar *blob = NULL;
  gsize blob_size;

  if (raw_beside >= 0)
    {
      announce_in_packet (number, size, fd, n);
      return;
    }

  message = g_dbus_message_new_signal ("/org/ppool/Worker1", "org.ppool.Worker1", "Segment");
  if (g_str_equal (how, "body"))
    g_dbus_message_set_body (message, g_variant_new ("(us)", number, "memory"));
  else
    g_dbus_message_set_body (message, g_variant_new ("(uth)", number, size,
                                                     g_str_equal (how, "handle") ? 7 : 0));
  if (n > 0)
    raw_declare_descriptors (message, n);
  blob = raw_make_blob (message, &blob_size);
  if (n > 0)
    raw_write_with_fd (blob, blob_size, fd, n);
  else
    raw_write (blob, blob_size);
}

/* Segment 1, and others for “twice” and “many”. */
void
raw_segments_announce (const char *how)
{
  int fd = g_str_equal (how, "stderr") ? dup (STDERR_FILENO) : make_memory (how);
  guint n = g_str_equal (how, "many") ? MANY : g_str_equal (how, "twice") ? 2 : 1;

  for (guint i = 0; i < n; i++)
    announce (how, g_str_equal (how, "twice") ? 1 : i + 1, fd);
  close (fd);
}

/* Answers the call that was read last with bytes of segment 1. */
void
raw_segments_lend (const char *how)
{
  Loan loan = { .number = 1, .generation = 1, .length = 40000, .type = "ay" };
  gsize size = offsetof (Loan, type) + 3;

  if (g_str_equal (how, "unknown"))
    loan.number = 2;
  else if (g_str_equal (how, "again"))
    loan.generation = 0;
  else if (g_str_equal (how, "outside"))
    loan.offset = SIZE - 8;
  else if (g_str_equal (how, "far"))
    loan.offset = G_MAXUINT64 - 7;
  else if (g_str_equal (how, "long"))
    loan.length = G_MAXUINT64;
  else if (g_str_equal (how, "crooked"))
    loan.offset = 4;
  else if (g_str_equal (how, "type"))
    strcpy (loan.type, "a?");
  else if (g_str_equal (how, "text"))
    strcpy (loan.type, "as");
  else if (g_str_equal (how, "cut"))
    size = 20;

  raw_frames_write_item (VALUE, LENT, raw_frames_get_id (), &loan, size);
  if (g_str_equal (how, "invalid"))
    memset (content, 'd', SIZE);
}

/* KIND,NUMBER,GENERATION: 4 gives back, 5 forgets. */
void
raw_segments_note (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", 3);

  raw_frames_write_item (atoi (parts[0]), 0,
                         (guint64) atoi (parts[1]) << 32 | (guint32) atoi (parts[2]), "", 0);
}
