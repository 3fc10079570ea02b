/* segment-test.c: shared memory, and what is passed off as such
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-segment-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "leftovers.h"
#include "ppool-error.h"

#define KIB ((gsize) 1024)
#define SIZE (128 * KIB)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void
test_round (void)
{
  g_assert_cmpuint (ppool_segment_round (1), ==, 64 * KIB);
  g_assert_cmpuint (ppool_segment_round (64 * KIB), ==, 64 * KIB);
  g_assert_cmpuint (ppool_segment_round (64 * KIB + 1), ==, 80 * KIB);
  g_assert_cmpuint (ppool_segment_round (128 * KIB), ==, 128 * KIB);
  g_assert_cmpuint (ppool_segment_round (129 * KIB), ==, 160 * KIB);
  g_assert_cmpuint (ppool_segment_round (16384 * KIB), ==, 16384 * KIB);
  g_assert_cmpuint (ppool_segment_round (16384 * KIB + 1), ==, 20480 * KIB);

  /* No more than a quarter is wasted. */
  for (gsize size = 64 * KIB; size < 4096 * KIB; size += 4321)
    {
      g_assert_cmpuint (ppool_segment_round (size), >=, size);
      g_assert_cmpuint (ppool_segment_round (size) - size, <=, size / 4);
      g_assert_cmpuint (ppool_segment_round (size) % (16 * KIB), ==, 0);
    }
}

static void
test_share (void)
{
  Leftovers *leftovers = leftovers_new ();
  g_autoptr (GError) error = NULL;
  PPoolSegment *writer = ppool_segment_new (SIZE, &error);
  PPoolSegment *reader;
  int fd;

  g_assert_no_error (error);
  g_assert_cmpuint (ppool_segment_get_size (writer), ==, SIZE);
  fd = ppool_segment_dup_fd (writer, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  reader = ppool_segment_new_from_fd (fd, SIZE, &error);
  g_assert_no_error (error);

  ppool_segment_populate (writer, SIZE);
  memset (ppool_segment_get_data (writer), 7, SIZE);
  for (gsize i = 0; i < SIZE; i++)
    g_assert_cmpint (ppool_segment_get_data (reader)[i], ==, 7);

  /* Each lives as long as it is needed. */
  ppool_segment_unref (writer);
  close (fd);
  g_assert_cmpint (ppool_segment_get_data (reader)[SIZE - 1], ==, 7);
  ppool_segment_unref (reader);

  g_assert_true (leftovers_is_clean (leftovers));
  leftovers_free (leftovers);
}

/* Who is lent a segment can neither resize it nor write to it. */
static void
test_protected (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolSegment) segment = ppool_segment_new (SIZE, &error);
  g_autofree char *path = NULL;
  int fd, again;

  g_assert_no_error (error);
  fd = ppool_segment_steal_fd (segment);
  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
  g_assert_cmpint (ftruncate (fd, 2 * SIZE), ==, -1);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE), ==, -1);

  if ((fcntl (fd, F_GET_SEALS) & 0x0010 /* F_SEAL_FUTURE_WRITE */) == 0)
    {
      close (fd);
      g_test_skip ("this kernel has no seal against writing");
      return;
    }

  g_assert_true (mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  g_assert_cmpint (pwrite (fd, "x", 1, 0), ==, -1);
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  again = open (path, O_RDWR | O_CLOEXEC);
  if (again >= 0)
    {
      g_assert_true (mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) == MAP_FAILED);
      close (again);
    }

  /* Its owner still can. */
  ppool_segment_get_data (segment)[0] = 1;
  close (fd);
}

static int
make_file (gsize    size,
           gboolean allocated,
           int      seals)
{
  int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (fd, >=, 0);
  if (allocated)
    g_assert_cmpint (posix_fallocate (fd, 0, (off_t) size), ==, 0);
  else
    g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, seals), ==, 0);

  return fd;
}

/* Closes @fd. */
static void
assert_refused (int     fd,
                guint64 size)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_segment_new_from_fd (fd, size, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL);
  if (fd >= 0)
    close (fd);
}

static void
test_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PPoolSegment) good = NULL;
  int fd = make_file (SIZE, TRUE, SEALS);
  int pipes[2];
  int huge;

  /* What each of these is but for one thing. */
  good = ppool_segment_new_from_fd (fd, SIZE, &error);
  g_assert_no_error (error);
  close (fd);

  assert_refused (make_file (SIZE, TRUE, 0), SIZE);
  assert_refused (make_file (SIZE, TRUE, F_SEAL_GROW | F_SEAL_SEAL), SIZE);
  assert_refused (make_file (SIZE, TRUE, F_SEAL_SHRINK | F_SEAL_SEAL), SIZE);
  assert_refused (make_file (SIZE, TRUE, F_SEAL_SHRINK | F_SEAL_GROW), SIZE);
  assert_refused (make_file (SIZE, FALSE, SEALS), SIZE);
  assert_refused (make_file (SIZE, TRUE, SEALS), SIZE + 1);
  assert_refused (make_file (SIZE, TRUE, SEALS), 0);
  assert_refused (make_file (SIZE, TRUE, SEALS), G_MAXUINT64);
  assert_refused (make_file (SIZE, TRUE, SEALS), (guint64) 1 << 63);
  assert_refused (make_file (0, FALSE, SEALS), SIZE);

  g_assert_cmpint (pipe2 (pipes, O_CLOEXEC), ==, 0);
  assert_refused (pipes[0], SIZE);
  assert_refused (pipes[1], SIZE);
  assert_refused (open ("/dev/zero", O_RDONLY | O_CLOEXEC), SIZE);
  assert_refused (open ("/proc/self/exe", O_RDONLY | O_CLOEXEC), KIB);
  assert_refused (open ("/dev/shm", O_RDONLY | O_CLOEXEC), KIB);
  assert_refused (-1, SIZE);

  /* Its pages may run out although it has its size. */
  huge = memfd_create ("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
  if (huge >= 0 && ftruncate (huge, 2048 * (off_t) KIB) == 0 &&
      fcntl (huge, F_ADD_SEALS, SEALS) == 0)
    assert_refused (huge, 2048 * KIB);
  else if (huge >= 0)
    close (huge);
}

/* More than there is gives an error, and neither a signal nor a slow death. */
static void
test_too_large (void)
{
  g_autoptr (GError) error = NULL;

#if GLIB_SIZEOF_SIZE_T > 4
  g_assert_null (ppool_segment_new ((gsize) 1 << 46, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
  g_clear_error (&error);
#endif
  g_assert_null (ppool_segment_new (G_MAXSIZE, &error));
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
}

/* A limit of files, which would kill who exceeds it. */
static void
test_file_limit (void)
{
  g_autoptr (GError) error = NULL;
  struct rlimit before, limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 100 * KIB;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_null (ppool_segment_new (SIZE, &error));
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
}

static void
test_no_descriptors (void)
{
  g_autoptr (GError) error = NULL;
  struct rlimit before, limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 3;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_null (ppool_segment_new (SIZE, &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT);
}

static int n_signals;

static void
alarm_cb (int number G_GNUC_UNUSED)
{
  g_atomic_int_inc (&n_signals);
}

/* A profiler's signals don't keep an allocation from its end. */
static void
test_signals (void)
{
  struct itimerval often = { { 0, 200 }, { 0, 200 } };
  struct itimerval never = { { 0, 0 }, { 0, 0 } };
  struct sigaction action = { .sa_handler = alarm_cb };
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (sigaction (SIGALRM, &action, NULL), ==, 0);
  g_assert_cmpint (setitimer (ITIMER_REAL, &often, NULL), ==, 0);
  do
    {
      g_autoptr (PPoolSegment) segment = ppool_segment_new (32768 * KIB, &error);

      g_assert_no_error (error);
      memset (ppool_segment_get_data (segment), 1, 32768 * KIB);
    }
  while (g_atomic_int_get (&n_signals) < 5);
  g_assert_cmpint (setitimer (ITIMER_REAL, &never, NULL), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/segment/round", test_round);
  g_test_add_func ("/segment/share", test_share);
  g_test_add_func ("/segment/protected", test_protected);
  g_test_add_func ("/segment/refused", test_refused);
  g_test_add_func ("/segment/too-large", test_too_large);
  g_test_add_func ("/segment/file-limit", test_file_limit);
  g_test_add_func ("/segment/no-descriptors", test_no_descriptors);
  g_test_add_func ("/segment/signals", test_signals);

  return g_test_run ();
}
