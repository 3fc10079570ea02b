/* link-test.c: whole packets on a socket, cut and run together
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-link-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nothing-left.h"
#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "scratch.h"
#include "sending.h"

#define MIB ((gsize) 1024 * 1024)

#define MAX_EXPECTED_FDS 8

/* A format of this test: a mark, and the size of what follows, which may be nothing. */
#define OWN_PREFIX_SIZE 4
#define OWN_MARK '#'

static gboolean
measure_own (const guint8  *prefix,
             gsize         *size,
             GError       **error)
{
  *size = OWN_PREFIX_SIZE + (prefix[1] | (gsize) prefix[2] << 8 | (gsize) prefix[3] << 16);
  if (prefix[0] == OWN_MARK)
    return TRUE;

  g_set_error_literal (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "no mark");
  return FALSE;
}

static const PPoolLinkFormat own_format = { OWN_PREFIX_SIZE, measure_own };

static int n_lost = 0;

static void
lost_cb (void)
{
  n_lost++;
}

typedef struct
{
  const PPoolLinkFormat *format;
  PPoolLink *link;    /* (owned) */
  int other;          /* (owned): the other end, or -1 once it was closed */
  GPtrArray *packets; /* (owned) (element-type GBytes): that were taken out */
  Leftovers *leftovers;
} Pair;

static void
set_up (Pair          *pair,
        gconstpointer  format)
{
  int fds[2];

  n_lost = 0;
  pair->leftovers = leftovers_new ();
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  pair->format = format;
  pair->link = ppool_link_new (fds[0], format, lost_cb);
  pair->other = fds[1];
  pair->packets = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

static void
close_other (Pair *pair)
{
  close (pair->other);
  pair->other = -1;
}

static void
tear_down (Pair          *pair,
           gconstpointer  format)
{
  sending_set_most (0);
  sending_fail_often (0);
  ppool_link_free (pair->link);
  if (pair->other >= 0)
    close_other (pair);
  g_ptr_array_unref (pair->packets);
  assert_nothing_left (pair->leftovers);
}

/* A packet of @size bytes behind its prefix. */
static GBytes *
make_packet (const PPoolLinkFormat *format,
             gsize                  size)
{
  gsize whole = format->prefix_size + size;
  guint8 *data = g_malloc (whole);

  if (format == &ppool_link_lane)
    ppool_link_make_lane_prefix (data, size);
  else
    for (guint i = 0; i < OWN_PREFIX_SIZE; i++)
      data[i] = i == 0 ? OWN_MARK : (guint8) (size >> 8 * (i - 1));
  for (gsize i = format->prefix_size; i < whole; i++)
    data[i] = (guint8) (i * 7 + size);

  return g_bytes_new_take (data, whole);
}

static void
write_all (int         fd,
           const void *data,
           gsize       size)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t n = send (fd, (const guint8 *) data + done, size - done, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      done += (gsize) n;
    }
}

static void
write_packet (Pair  *pair,
              gsize  size)
{
  g_autoptr (GBytes) packet = make_packet (pair->format, size);

  write_all (pair->other, g_bytes_get_data (packet, NULL), g_bytes_get_size (packet));
}

static void
write_with_fds (Pair       *pair,
                const void *data,
                gsize       size,
                guint       n_fds)
{
  struct iovec part = { .iov_base = (gpointer) data, .iov_len = size };
  union
  {
    char bytes[CMSG_SPACE (PPOOL_LINK_MAX_FDS * sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct msghdr header = { .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = CMSG_SPACE (n_fds * sizeof (int)) };
  struct cmsghdr *rights = CMSG_FIRSTHDR (&header);

  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
  for (guint i = 0; i < n_fds; i++)
    memcpy (CMSG_DATA (rights) + i * sizeof (int), &(int) { STDERR_FILENO }, sizeof (int));
  g_assert_cmpint (sendmsg (pair->other, &header, MSG_NOSIGNAL), ==, size);
}

static void
write_packet_with_fds (Pair  *pair,
                       gsize  size,
                       guint  n_fds)
{
  g_autoptr (GBytes) packet = make_packet (pair->format, size);

  write_with_fds (pair, g_bytes_get_data (packet, NULL), g_bytes_get_size (packet), n_fds);
}

static gboolean
read_once (Pair *pair)
{
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;

  g_assert_true (ppool_link_read (pair->link, FALSE, &more, &error));
  g_assert_no_error (error);

  return more;
}

static void
expect_end (Pair *pair)
{
  g_autoptr (GError) error = NULL;
  gboolean more = TRUE;

  g_assert_false (ppool_link_read (pair->link, FALSE, &more, &error));
  g_assert_no_error (error);
  g_assert_false (more);
}

static void
expect_flood (Pair *pair)
{
  g_autoptr (GError) error = NULL;
  gboolean more;

  g_assert_false (ppool_link_read (pair->link, FALSE, &more, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

/* Takes out what is there. */
static void
collect (Pair *pair)
{
  g_autoptr (GError) error = NULL;
  PPoolPacket packet;

  while (ppool_link_next (pair->link, &packet, &error))
    {
      g_assert_cmpuint (GPOINTER_TO_SIZE (packet.data) % 8, ==, 0);
      g_ptr_array_add (pair->packets, g_bytes_new_take (packet.data, packet.size));
    }
  g_assert_no_error (error);
  g_assert_null (packet.data);
}

static void
receive (Pair *pair)
{
  read_once (pair);
  collect (pair);
}

/* What has been taken out, by the sizes behind the prefixes. */
static void
assert_collected (Pair        *pair,
                  const gsize *sizes,
                  guint        n)
{
  g_assert_cmpuint (pair->packets->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) expected = make_packet (pair->format, sizes[i]);

      g_assert_true (g_bytes_equal (pair->packets->pdata[i], expected));
    }
  g_ptr_array_set_size (pair->packets, 0);
}

static void
take_fds (Pair  *pair,
          int    fds[MAX_EXPECTED_FDS],
          guint  n)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ppool_link_take_fds (pair->link, fds, n, &error));
  g_assert_no_error (error);
}

static void
expect_fds (Pair  *pair,
            guint  n)
{
  int fds[MAX_EXPECTED_FDS];

  take_fds (pair, fds, n);
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (fds[i], >, STDERR_FILENO);
      g_assert_cmpint (fcntl (fds[i], F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
      close (fds[i]);
    }
}

static void
expect_lost_fds (Pair  *pair,
                 guint  n)
{
  int fds[MAX_EXPECTED_FDS];

  take_fds (pair, fds, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (fds[i], ==, -1);
}

static void
expect_no_fds (Pair *pair)
{
  g_autoptr (GError) error = NULL;
  int fd;

  g_assert_false (ppool_link_take_fds (pair->link, &fd, 1, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

/* Bytes alone */

static gboolean
measures (guint32  size,
          guint32  reserved,
          gsize   *measured)
{
  guint8 prefix[PPOOL_LINK_LANE_PREFIX_SIZE];
  g_autoptr (GError) error = NULL;
  gboolean success;

  memcpy (prefix, &size, sizeof size);
  memcpy (prefix + sizeof size, &reserved, sizeof reserved);
  success = ppool_link_lane.measure (prefix, measured, &error);
  if (success)
    g_assert_no_error (error);
  else
    g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);

  return success;
}

static void
test_measure (void)
{
  guint8 prefix[PPOOL_LINK_LANE_PREFIX_SIZE];
  gsize size;

  g_assert_cmpuint (ppool_link_lane.prefix_size, ==, sizeof prefix);
  g_assert_true (measures (9, 0, &size));
  g_assert_cmpuint (size, ==, 9);
  g_assert_true (measures (128 * MIB, 0, &size));
  g_assert_cmpuint (size, ==, 128 * MIB);

  g_assert_false (measures (0, 0, &size));
  g_assert_false (measures (7, 0, &size));
  g_assert_false (measures (8, 0, &size));
  g_assert_false (measures (128 * MIB + 1, 0, &size));
  g_assert_false (measures (G_MAXUINT32, 0, &size));
  g_assert_false (measures (9, 1, &size));
  g_assert_false (measures (9, 1u << 31, &size));

  ppool_link_make_lane_prefix (prefix, 1000);
  g_assert_true (ppool_link_lane.measure (prefix, &size, NULL));
  g_assert_cmpuint (size, ==, 1008);
}

/* Reading */

static GByteArray *
join (const PPoolLinkFormat *format,
      const gsize           *sizes,
      guint                  n)
{
  GByteArray *all = g_byte_array_new ();

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) packet = make_packet (format, sizes[i]);

      g_byte_array_append (all, g_bytes_get_data (packet, NULL),
                           (guint) g_bytes_get_size (packet));
    }

  return all;
}

/* Three packets in two parts, cut wherever they can be, and byte after byte. */
static void
test_read_cut (Pair          *pair,
               gconstpointer  format)
{
  const gsize sizes[] = { 21, 1, 8 };
  g_autoptr (GByteArray) all = join (format, sizes, G_N_ELEMENTS (sizes));

  for (guint cut = 0; cut <= all->len; cut++)
    {
      write_all (pair->other, all->data, cut);
      receive (pair);
      write_all (pair->other, all->data + cut, all->len - cut);
      receive (pair);
      assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
    }

  for (guint i = 0; i < all->len; i++)
    {
      write_all (pair->other, all->data + i, 1);
      receive (pair);
    }
  assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
}

/* One read has as many as fit. */
static void
test_read_several (Pair          *pair,
                   gconstpointer  format)
{
  g_autoptr (GByteArray) all = NULL;
  gsize sizes[300];

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    sizes[i] = i % 90 + 1;
  all = join (format, sizes, G_N_ELEMENTS (sizes));
  write_all (pair->other, all->data, all->len);
  g_assert_false (read_once (pair));
  collect (pair);
  assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
}

/* What is as large as a read, a little less and a little more, in one go. */
static void
test_read_edges (Pair          *pair,
                 gconstpointer  format)
{
  const gsize whole = PPOOL_LINK_INPUT_SIZE - pair->format->prefix_size;

  for (int i = -10; i <= 10; i++)
    {
      const gsize sizes[] = { whole + (gsize) i, 3 };
      gboolean more;

      write_packet (pair, sizes[0]);
      write_packet (pair, sizes[1]);
      do
        {
          more = read_once (pair);
          collect (pair);
        }
      while (more);
      assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
    }
}

typedef struct
{
  int fd;
  GByteArray *bytes;
} Writer;

static gpointer
write_in_thread (gpointer data)
{
  Writer *self = data;

  write_all (self->fd, self->bytes->data, self->bytes->len);

  return NULL;
}

/* What is larger than one read, between what is not. */
static void
test_read_large (Pair          *pair,
                 gconstpointer  format)
{
  const gsize sizes[] = { 1, 3000000, 2, 3, 70000, 3000000, 4 };
  g_autoptr (GByteArray) all = join (format, sizes, G_N_ELEMENTS (sizes));
  Writer writer = { pair->other, all };
  GThread *thread = g_thread_new ("writer", write_in_thread, &writer);

  while (pair->packets->len < G_N_ELEMENTS (sizes))
    {
      g_autoptr (GError) error = NULL;
      gboolean more;

      g_assert_true (ppool_link_read (pair->link, TRUE, &more, &error));
      g_assert_no_error (error);
      collect (pair);
    }
  assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
  g_thread_join (thread);
}

/* The end, behind each part of a packet. */
static void
test_read_end (Pair          *pair,
               gconstpointer  format)
{
  g_autoptr (GBytes) packet = make_packet (format, 100000);
  gsize size;
  const guint8 *data = g_bytes_get_data (packet, &size);
  const gsize cuts[] = { 1, pair->format->prefix_size, pair->format->prefix_size + 1, 70000,
                         size - 1 };

  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++)
    {
      Pair part = { NULL };
      gboolean more;

      set_up (&part, format);
      more = read_once (&part);
      g_assert_false (more);
      write_all (part.other, data, cuts[i]);
      close_other (&part);
      do
        {
          more = read_once (&part);
          collect (&part);
        }
      while (more);
      expect_end (&part);
      expect_end (&part);
      assert_collected (&part, NULL, 0);
      tear_down (&part, format);
    }
}

/* What was whole before the end is there. */
static void
test_read_before_end (Pair          *pair,
                      gconstpointer  format)
{
  const gsize sizes[] = { 5, 6 };

  write_packet (pair, sizes[0]);
  write_packet (pair, sizes[1]);
  write_all (pair->other, "#", 1);
  close_other (pair);
  receive (pair);
  assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
  expect_end (pair);
}

static void
test_read_nonsense (Pair          *pair,
                    gconstpointer  format)
{
  const gsize sizes[] = { 5 };
  g_autoptr (GError) error = NULL;
  PPoolPacket packet;

  write_packet (pair, sizes[0]);
  write_all (pair->other, "GET / HTTP/1.1\r\n\r\n", 18);
  read_once (pair);
  g_assert_true (ppool_link_next (pair->link, &packet, &error));
  g_assert_no_error (error);
  g_free (packet.data);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_false (ppool_link_next (pair->link, &packet, &error));
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
      g_assert_null (packet.data);
      g_clear_error (&error);
    }
}

/* The largest is believed, and not more than that. */
static void
test_read_largest (Pair          *pair,
                   gconstpointer  format)
{
  guint8 prefix[PPOOL_LINK_LANE_PREFIX_SIZE];
  g_autoptr (GError) error = NULL;
  PPoolPacket packet;

  ppool_link_make_lane_prefix (prefix, 128 * MIB - sizeof prefix);
  write_all (pair->other, prefix, sizeof prefix);
  receive (pair);
  write_all (pair->other, "some", 4);
  receive (pair);
  assert_collected (pair, NULL, 0);

  tear_down (pair, format);
  set_up (pair, format);
  ppool_link_make_lane_prefix (prefix, 128 * MIB - sizeof prefix + 1);
  write_all (pair->other, prefix, sizeof prefix);
  read_once (pair);
  g_assert_false (ppool_link_next (pair->link, &packet, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
}

/* Descriptors */

static void
test_fds (Pair          *pair,
          gconstpointer  format)
{
  write_packet_with_fds (pair, 4, 3);
  receive (pair);
  expect_fds (pair, 2);
  expect_fds (pair, 0);
  expect_fds (pair, 1);
  expect_no_fds (pair);
}

/* They come in the order of their packets, whether those are read together or not. */
static void
test_fds_each (Pair          *pair,
               gconstpointer  format)
{
  const gsize sizes[] = { 1, 2, 3, 100000, 5 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      if (i % 2 == 0)
        write_packet_with_fds (pair, sizes[i], i + 1);
      else
        write_packet (pair, sizes[i]);
    }
  while (pair->packets->len < G_N_ELEMENTS (sizes))
    receive (pair);
  assert_collected (pair, sizes, G_N_ELEMENTS (sizes));
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i += 2)
    expect_fds (pair, i + 1);
  expect_no_fds (pair);
}

/* Those that come with a byte of a packet which is not all there belong to it. */
static void
test_fds_stray (Pair          *pair,
                gconstpointer  format)
{
  g_autoptr (GBytes) packet = make_packet (format, 70000);
  gsize size;
  const guint8 *data = g_bytes_get_data (packet, &size);

  g_assert_false (ppool_link_has_stray_fds (pair->link));
  for (gsize cut = 1; cut < size; cut += cut < 10 ? 1 : 10000)
    {
      gboolean more;

      write_with_fds (pair, data, cut, 1);
      receive (pair);
      g_assert_false (ppool_link_has_stray_fds (pair->link));
      write_all (pair->other, data + cut, size - cut);
      do
        {
          more = read_once (pair);
          collect (pair);
        }
      while (more);
      assert_collected (pair, (const gsize[]) { 70000 }, 1);
      g_assert_true (ppool_link_has_stray_fds (pair->link));
      expect_fds (pair, 1);
      g_assert_false (ppool_link_has_stray_fds (pair->link));
    }
}

/* Nobody asks for so many. */
static void
test_fds_flood (Pair          *pair,
                gconstpointer  format)
{
  write_packet_with_fds (pair, 4, PPOOL_LINK_MAX_FDS);
  receive (pair);
  write_packet_with_fds (pair, 4, 1);
  expect_flood (pair);
}

/* Nor does any of those stay that came too much. */
static void
test_fds_flood_together (Pair          *pair,
                         gconstpointer  format)
{
  write_packet_with_fds (pair, 4, PPOOL_LINK_MAX_FDS - 10);
  receive (pair);
  write_packet_with_fds (pair, 4, 100);
  expect_flood (pair);
}

/* Lets no more descriptors be opened but @n. Returns: whether that is so, which it
 * is not under valgrind */
static gboolean
leave (guint          n,
       struct rlimit *before)
{
  int first = ppool_fd_dup (STDERR_FILENO);
  struct rlimit limit;
  Pair pair;
  int fd;

  close (first);
  set_up (&pair, &own_format);
  write_packet_with_fds (&pair, 4, 1);
  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, before));
  limit = *before;
  limit.rlim_cur = (rlim_t) first;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
  receive (&pair);
  g_assert_true (ppool_link_take_fds (pair.link, &fd, 1, NULL));
  limit.rlim_cur += n;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, fd < 0 ? &limit : before));
  if (fd >= 0)
    close (fd);
  ppool_link_free (pair.link);
  close (pair.other);
  g_ptr_array_unref (pair.packets);
  leftovers_free (pair.leftovers);

  return fd < 0;
}

/* Where one is lost, all of that message are; and no others. */
static void
test_fds_lost (Pair          *pair,
               gconstpointer  format)
{
  struct rlimit before;

  write_packet_with_fds (pair, 4, 2);
  receive (pair);
  write_packet_with_fds (pair, 5, 3);
  write_packet_with_fds (pair, 6, 1);
  if (!leave (1, &before))
    {
      g_test_skip ("There is no limit");
      return;
    }

  receive (pair);
  receive (pair);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  write_packet_with_fds (pair, 7, 1);
  receive (pair);

  assert_collected (pair, (const gsize[]) { 4, 5, 6, 7 }, 4);
  expect_fds (pair, 2);
  expect_lost_fds (pair, 3);
  expect_fds (pair, 1);
  expect_fds (pair, 1);
  expect_no_fds (pair);
}

/* Writing */

/* In several parts, wherever the socket takes no more. */
static void
test_try_write_cut (Pair          *pair,
                    gconstpointer  format)
{
  g_autoptr (GBytes) packet = make_packet (format, 20);
  gsize size;
  const guint8 *data = g_bytes_get_data (packet, &size);

  for (gsize cut = 1; cut <= size; cut++)
    {
      const gsize prefix = pair->format->prefix_size;
      const struct iovec parts[] = {
        { .iov_base = (gpointer) data, .iov_len = prefix },
        { .iov_base = (gpointer) (data + prefix), .iov_len = size - prefix },
      };
      guint8 read[64];

      sending_set_most (cut);
      g_assert_cmpint (ppool_link_try_write (pair->link, parts, G_N_ELEMENTS (parts), -1), ==,
                       cut);
      g_assert_cmpint (recv (pair->other, read, sizeof read, MSG_DONTWAIT), ==, cut);
      g_assert_cmpmem (read, cut, data, cut);
    }
}

static gsize
drain (int fd)
{
  static guint8 buffer[65536];
  gsize size = 0;
  ssize_t n;

  while ((n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
    size += (gsize) n;

  return size;
}

static void
test_try_write_no_room (Pair          *pair,
                        gconstpointer  format)
{
  g_autofree guint8 *data = g_malloc0 (10 * MIB);
  const struct iovec part = { .iov_base = data, .iov_len = 10 * MIB };
  gssize n, n_last;

  n = ppool_link_try_write (pair->link, &part, 1, -1);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpint (n, <, 10 * MIB);
  while ((n_last = ppool_link_try_write (pair->link, &part, 1, -1)) > 0)
    n += n_last;
  g_assert_cmpint (n_last, ==, 0);
  g_assert_cmpint (errno, ==, EAGAIN);

  g_assert_cmpuint (drain (pair->other), ==, n);
  g_assert_cmpint (ppool_link_try_write (pair->link, &part, 1, -1), >, 0);
}

/* What passes is no end, and says which it was. */
static void
test_try_write_again (Pair          *pair,
                      gconstpointer  format)
{
  static const int codes[] = { EAGAIN, ETOOMANYREFS, ENOBUFS, ENOMEM };
  const struct iovec part = { .iov_base = (gpointer) "text", .iov_len = 4 };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      sending_fail (codes[i], 1);
      g_assert_cmpint (ppool_link_try_write (pair->link, &part, 1, -1), ==, 0);
      g_assert_cmpint (errno, ==, codes[i]);
    }
  sending_fail (EINTR, 3);
  g_assert_cmpint (ppool_link_try_write (pair->link, &part, 1, -1), ==, 4);
  g_assert_cmpint (n_lost, ==, 0);
}

/* Nobody reads: so it stays, in silence. */
static void
test_try_write_closed (Pair          *pair,
                       gconstpointer  format)
{
  const struct iovec part = { .iov_base = (gpointer) "text", .iov_len = 4 };

  close_other (pair);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (ppool_link_try_write (pair->link, &part, 1, -1), ==, -1);
      ppool_link_write (pair->link, (const guint8 *) "text", 4, -1);
    }
  g_assert_cmpint (n_lost, ==, 0);
}

/* It goes with what is written at first, and not again. */
static void
test_write_fd (Pair          *pair,
               gconstpointer  format)
{
  g_autoptr (GBytes) packet = make_packet (format, 20);
  Pair reader;

  set_up (&reader, format);
  for (gsize most = 1; most < 30; most++)
    {
      PPoolLink *writing = ppool_link_new (ppool_fd_dup (reader.other), format, lost_cb);
      gboolean more;

      sending_set_most (most);
      sending_fail (ETOOMANYREFS, 2);
      ppool_link_write (writing, g_bytes_get_data (packet, NULL), g_bytes_get_size (packet),
                        STDERR_FILENO);
      ppool_link_free (writing);
      do
        {
          more = read_once (&reader);
          collect (&reader);
        }
      while (more || reader.packets->len == 0);
      assert_collected (&reader, (const gsize[]) { 20 }, 1);
      expect_fds (&reader, 1);
      g_assert_false (ppool_link_has_stray_fds (reader.link));
    }
  g_assert_cmpint (fcntl (STDERR_FILENO, F_GETFD), >=, 0);
  tear_down (&reader, format);
}

static gpointer
read_in_thread (gpointer data)
{
  static guint8 buffer[100000];
  GByteArray *all = g_byte_array_new ();
  ssize_t n;

  while ((n = read (GPOINTER_TO_INT (data), buffer, sizeof buffer)) > 0)
    g_byte_array_append (all, buffer, (guint) n);

  return all;
}

/* Waits for room. */
static void
test_write_large (Pair          *pair,
                  gconstpointer  format)
{
  g_autoptr (GBytes) packet = make_packet (format, 10000000);
  g_autoptr (GByteArray) received = NULL;
  GThread *thread = g_thread_new ("reader", read_in_thread, GINT_TO_POINTER (pair->other));

  ppool_link_write (pair->link, g_bytes_get_data (packet, NULL), g_bytes_get_size (packet), -1);
  g_assert_no_errno (shutdown (ppool_link_get_fd (pair->link), SHUT_WR));
  received = g_thread_join (thread);
  g_assert_cmpmem (received->data, received->len, g_bytes_get_data (packet, NULL),
                   g_bytes_get_size (packet));
}

/* Loss */

/* Puts something else under the number of the socket, or nothing. Returns: a duplicate of
 * the socket */
static int
replace (Pair *pair,
         int   with)
{
  int fd = ppool_link_get_fd (pair->link);
  int kept = ppool_fd_dup (fd);

  if (with >= 0)
    g_assert_cmpint (dup3 (with, fd, O_CLOEXEC), ==, fd);
  else
    close (fd);

  return kept;
}

static void
test_lost (Pair          *pair,
           gconstpointer  format)
{
  const struct iovec part = { .iov_base = (gpointer) "text", .iov_len = 4 };
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (guint i = 0; i < 4; i++)
    {
      Pair lost;
      int kept;

      set_up (&lost, format);
      kept = replace (&lost, i % 2 == 0 ? null : -1);
      if (i / 2 == 0)
        expect_end (&lost);
      else
        g_assert_cmpint (ppool_link_try_write (lost.link, &part, 1, -1), ==, -1);
      g_assert_cmpint (n_lost, ==, 1);
      dup3 (kept, ppool_link_get_fd (lost.link), O_CLOEXEC);
      close (kept);
      tear_down (&lost, format);
    }
  close (null);
}

/* Without a function for that, it is as if the other side had closed. */
static void
test_lost_silently (Pair          *pair,
                    gconstpointer  format)
{
  const struct iovec part = { .iov_base = (gpointer) "text", .iov_len = 4 };
  PPoolLink *link = ppool_link_new (ppool_fd_dup (pair->other), format, NULL);
  g_autoptr (GError) error = NULL;
  gboolean more;

  close (ppool_link_get_fd (link));
  g_assert_false (ppool_link_read (link, FALSE, &more, &error));
  g_assert_no_error (error);
  g_assert_cmpint (ppool_link_try_write (link, &part, 1, -1), ==, -1);
  ppool_link_free (link);
}

static void
add (const char *name,
     void      (*test) (Pair          *pair,
                        gconstpointer  format))
{
  g_autofree char *on_lane = g_strconcat ("/link/lane/", name, NULL);
  g_autofree char *own = g_strconcat ("/link/own/", name, NULL);

  g_test_add (on_lane, Pair, &ppool_link_lane, set_up, test, tear_down);
  g_test_add (own, Pair, &own_format, set_up, test, tear_down);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  scratch_init ();

  g_test_add_func ("/link/measure", test_measure);
  add ("read/cut", test_read_cut);
  add ("read/several", test_read_several);
  add ("read/edges", test_read_edges);
  add ("read/large", test_read_large);
  add ("read/end", test_read_end);
  add ("read/before-end", test_read_before_end);
  add ("read/nonsense", test_read_nonsense);
  g_test_add ("/link/lane/read/largest", Pair, &ppool_link_lane, set_up, test_read_largest,
              tear_down);
  add ("fds", test_fds);
  add ("fds/each", test_fds_each);
  add ("fds/stray", test_fds_stray);
  add ("fds/flood", test_fds_flood);
  add ("fds/flood-together", test_fds_flood_together);
  add ("fds/lost", test_fds_lost);
  add ("try-write/cut", test_try_write_cut);
  add ("try-write/no-room", test_try_write_no_room);
  add ("try-write/again", test_try_write_again);
  add ("try-write/closed", test_try_write_closed);
  add ("write/fd", test_write_fd);
  add ("write/large", test_write_large);
  add ("lost", test_lost);
  add ("lost/silently", test_lost_silently);

  return g_test_run ();
}
