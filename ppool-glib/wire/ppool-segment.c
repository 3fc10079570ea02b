/* ppool-segment.c: one piece of shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-segment-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ppool-error.h"
#include "ppool-fd-private.h"
#include "ppool-resources-private.h"

/* A memory file that one process fills and another reads. It is allocated whole
 * and sealed against another size, so that neither can make the other fault. The
 * reader's mapping is read-only, and with the seal on future writes nobody gets
 * another that is not: a reader can't change what it was lent. Its writer can,
 * at any time.
 *
 * A mapping costs its reader a fault for each page, and a new file its writer the
 * zeros and the pages too, several times what a copy costs. So segments are made
 * to be used again. */

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Since Linux 5.1, and not in every libc. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* Since Linux 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Since Linux 5.14. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* The least size, and steps between powers of two: what is a little larger next
 * time has room in the same segment. */
#define MIN_SIZE ((gsize) 64 * 1024)
#define STEPS 4

#define MAX_SIZE ((gsize) 1 << (sizeof (gsize) * 8 - 2))

/* After so much it is looked whether there is memory for more: a memory file grows
 * until the kernel kills somebody. To look takes as long as to fill 1 MiB. */
#define UNCHECKED_SIZE ((gsize) 16 * 1024 * 1024)

/* An allocation that a signal interrupts begins again. */
#define CHUNK ((gsize) 1024 * 1024)

struct _PPoolSegment
{
  guint8 *data; /* (owned): a mapping */
  gsize size;
  int fd;       /* (owned); the owner's, or -1 */
  int retired;  /* atomic */
};

static gsize
round_up (gsize size,
          gsize step)
{
  return (size + step - 1) / step * step;
}

/* The size of a segment that is to be used again for values of about @size. */
gsize
ppool_segment_round (gsize size)
{
  gsize power = MIN_SIZE;

  if (size <= MIN_SIZE)
    return MIN_SIZE;
  if (size > MAX_SIZE)
    return size;

  while (power * 2 < size)
    power *= 2;

  return round_up (size, power / STEPS);
}

static gboolean
set_limit (GError     **error,
           gsize        size,
           const char  *reason)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
               "Failed to allocate %" G_GSIZE_FORMAT " bytes of shared memory: %s", size, reason);
  return FALSE;
}

static int
open_memory (void)
{
  int fd = memfd_create ("ppool-segment", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

  if (fd < 0 && errno == EINVAL)
    fd = memfd_create ("ppool-segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  return ppool_fd_lift (fd);
}

static int
allocate (int   fd,
          gsize size)
{
  int result = 0;

  for (gsize offset = 0; offset < size && result == 0; offset += CHUNK)
    do
      result = posix_fallocate (fd, (off_t) offset, (off_t) MIN (CHUNK, size - offset));
    while (result == EINTR);

  return result;
}

/* The mapping has to be there before the seal that forbids more of its kind. */
static gboolean
fill (PPoolSegment  *self,
      GError       **error)
{
  int result;

  self->fd = open_memory ();
  if (self->fd < 0)
    return set_limit (error, self->size, g_strerror (errno));

  result = allocate (self->fd, self->size);
  if (result != 0)
    return set_limit (error, self->size, g_strerror (result));

  self->data = mmap (NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
  if (self->data == MAP_FAILED)
    return set_limit (error, self->size, g_strerror (errno));

  if (fcntl (self->fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE) < 0 &&
      fcntl (self->fd, F_ADD_SEALS, SEALS) < 0)
    return set_limit (error, self->size, g_strerror (errno));

  return TRUE;
}

/* A file that grows beyond the limit of files brings a signal that kills. */
static gsize unchecked; /* atomic: what was made since */

static gboolean
is_allowed (gsize size)
{
  struct rlimit limit;
  guint64 available;

  if (getrlimit (RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < size)
    return FALSE;

  if (g_atomic_pointer_add (&unchecked, size) + size <= UNCHECKED_SIZE)
    return TRUE;

  /* Where it becomes scarce, it is looked each time. */
  available = ppool_resources_available_memory ("/");
  g_atomic_pointer_set (&unchecked, available < UNCHECKED_SIZE || available - UNCHECKED_SIZE < size
                                      ? UNCHECKED_SIZE : 0);

  return size <= available;
}

static PPoolSegment *
new_empty (gsize size)
{
  PPoolSegment *self = g_atomic_rc_box_new0 (PPoolSegment);

  self->data = MAP_FAILED;
  self->size = size;
  self->fd = -1;

  return self;
}

/* Makes a segment to be filled; what it holds at first is zeros. Its size is that of
 * whole pages. */
PPoolSegment *
ppool_segment_new (gsize    size,
                   GError **error)
{
  g_autoptr (PPoolSegment) self = NULL;

  g_assert (size > 0);

  self = new_empty (round_up (MIN (size, MAX_SIZE), (gsize) sysconf (_SC_PAGESIZE)));
  if (size > MAX_SIZE || !is_allowed (self->size))
    {
      set_limit (error, size, "not enough memory is available");
      return NULL;
    }

  return fill (self, error) ? g_steal_pointer (&self) : NULL;
}

/* Not every memory file is as good: one of large pages can fault although it is
 * sealed, and so can one that is not allocated. */
static const char *
find_flaw (int     fd,
           guint64 size)
{
  struct stat status;
  struct statfs system;
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || fstat (fd, &status) < 0 || fstatfs (fd, &system) < 0)
    return "no shared memory";
  if ((seals & SEALS) != SEALS)
    return "not sealed";
  if (system.f_type != TMPFS_MAGIC)
    return "of another kind";
  if (size == 0 || size > MAX_SIZE || (guint64) status.st_size < size)
    return "not of the size that was announced";
  if ((guint64) status.st_blocks * 512 < size)
    return "not allocated";

  return NULL;
}

/* Maps what another process has announced, to be read. @fd stays the caller's. */
PPoolSegment *
ppool_segment_new_from_fd (int       fd,
                           guint64   size,
                           GError  **error)
{
  const char *flaw = find_flaw (fd, size);
  g_autoptr (PPoolSegment) self = NULL;

  if (flaw != NULL)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_PROTOCOL, "received a segment that is %s", flaw);
      return NULL;
    }

  self = new_empty ((gsize) size);
  self->data = mmap (NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
  if (self->data == MAP_FAILED)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "%" G_GSIZE_FORMAT " bytes of shared memory could not be mapped in process %d: "
                   "%s",
                   self->size, (int) getpid (), g_strerror (errno));
      return NULL;
    }

  return g_steal_pointer (&self);
}

PPoolSegment *
ppool_segment_ref (PPoolSegment *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_segment (PPoolSegment *self)
{
  if (self->data != MAP_FAILED)
    munmap (self->data, self->size);
  if (self->fd >= 0)
    close (self->fd);
}

void
ppool_segment_unref (PPoolSegment *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear_segment);
}

guint8 *
ppool_segment_get_data (PPoolSegment *self)
{
  return self->data;
}

gsize
ppool_segment_get_size (PPoolSegment *self)
{
  return self->size;
}

/* Takes the descriptor out of a segment that nobody else is to have. */
int
ppool_segment_steal_fd (PPoolSegment *self)
{
  return g_steal_fd (&self->fd);
}

int
ppool_segment_dup_fd (PPoolSegment  *self,
                      GError       **error)
{
  int fd = ppool_fd_dup (self->fd);

  if (fd < 0)
    set_limit (error, self->size, g_strerror (errno));

  return fd;
}

/* Has the first @size bytes of a new segment mapped at once, which is cheaper than a
 * fault a page. Where the kernel can't, the faults come. */
void
ppool_segment_populate (PPoolSegment *self,
                        gsize         size)
{
  (void) madvise (self->data, MIN (size, self->size), MADV_POPULATE_WRITE);
}

/* Tells who else has it that it won't be filled again. */
void
ppool_segment_retire (PPoolSegment *self)
{
  g_atomic_int_set (&self->retired, TRUE);
}

gboolean
ppool_segment_is_retired (PPoolSegment *self)
{
  return g_atomic_int_get (&self->retired);
}
