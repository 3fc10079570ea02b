/* limits-test.c: what a system with such control groups would allow
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-limits-private.h"

#include "scratch.h"

#include <glib/gstdio.h>
#include <sched.h>

#define UNIFIED_MOUNT "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define LEGACY_MOUNT  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHER_MOUNTS  "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n" \
                      "31 31 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" \
                      "nonsense\n"

typedef struct
{
  char *root; /* (owned) */
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  fixture->root = g_dir_make_tmp ("ppool-limits-XXXXXX", NULL);
  g_assert_nonnull (fixture->root);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_all (child);
    }

  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data)
{
  remove_all (fixture->root);
  g_free (fixture->root);
  scratch_assert_empty ();
}

static void
put (Fixture    *fixture,
     const char *name,
     const char *text)
{
  g_autofree char *path = g_build_filename (fixture->root, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
assert_quota (Fixture *fixture,
              guint    expected)
{
  g_assert_cmpuint (ppool_limits_cpu_quota (fixture->root), ==, expected);
}

static void
put_unified (Fixture    *fixture,
             const char *text)
{
  put (fixture, "proc/self/cgroup", "0::/user.slice/me\n");
  put (fixture, "proc/self/mountinfo", OTHER_MOUNTS UNIFIED_MOUNT);
  put (fixture, "sys/fs/cgroup/user.slice/me/cpu.max", text);
}

static void
test_unified (Fixture       *fixture,
              gconstpointer  user_data)
{
  put_unified (fixture, "max 100000\n");
  assert_quota (fixture, G_MAXUINT);

  put_unified (fixture, "200000 100000\n");
  assert_quota (fixture, 2);

  put_unified (fixture, "150000 100000\n");
  assert_quota (fixture, 2);

  put_unified (fixture, "1000 100000\n");
  assert_quota (fixture, 1);
}

static void
test_unified_ancestor (Fixture       *fixture,
                       gconstpointer  user_data)
{
  put_unified (fixture, "800000 100000\n");
  put (fixture, "sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  assert_quota (fixture, 3);

  /* What a container shows of its own root. */
  put (fixture, "proc/self/cgroup", "0::/\n");
  put (fixture, "sys/fs/cgroup/cpu.max", "50000 50000\n");
  assert_quota (fixture, 1);
}

static void
test_legacy (Fixture       *fixture,
             gconstpointer  user_data)
{
  put (fixture, "proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/a/b\n3:cpuset:/c\n0::/\n");
  put (fixture, "proc/self/mountinfo", OTHER_MOUNTS LEGACY_MOUNT);
  put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, G_MAXUINT);

  put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
  put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
  assert_quota (fixture, 5);
}

/* A container without a namespace for control groups: the host's path, of which
 * only the end is mounted. */
static void
test_mounted_below (Fixture       *fixture,
                    gconstpointer  user_data)
{
  put (fixture, "proc/self/cgroup", "4:cpu:/docker/1234/job\n");
  put (fixture, "proc/self/mountinfo",
       "32 31 0:29 /docker/1234 /cg\\040cpu ro - cgroup cgroup rw,cpu\n");
  put (fixture, "cg cpu/job/cpu.cfs_quota_us", "400000\n");
  put (fixture, "cg cpu/job/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 4);

  put (fixture, "proc/self/cgroup", "4:cpu:/docker/12345\n");
  assert_quota (fixture, G_MAXUINT);

  put (fixture, "cg cpu/cpu.cfs_quota_us", "600000\n");
  put (fixture, "cg cpu/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 6);
}

static void
test_both (Fixture       *fixture,
           gconstpointer  user_data)
{
  put_unified (fixture, "700000 100000\n");
  put (fixture, "proc/self/cgroup", "4:cpu:/\n0::/user.slice/me\n");
  put (fixture, "proc/self/mountinfo", LEGACY_MOUNT UNIFIED_MOUNT);
  put (fixture, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "800000\n");
  put (fixture, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 7);
}

static void
test_nonsense (Fixture       *fixture,
               gconstpointer  user_data)
{
  const char *texts[] = { "", "\n", "max", "100000", "-5 100000", "5 0", "0 100000", "x y", "1 2 3",
                          "99999999999999999999 1", "5 99999999999999999999", };
  gsize i;

  assert_quota (fixture, G_MAXUINT);

  for (i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      put_unified (fixture, texts[i]);
      assert_quota (fixture, G_MAXUINT);
    }

  put (fixture, "proc/self/mountinfo", "a b c - d\n - \n\n");
  assert_quota (fixture, G_MAXUINT);
  put (fixture, "proc/self/cgroup", "::::\n0\n\n0::/../../up\n");
  assert_quota (fixture, G_MAXUINT);
}

static void
test_here (void)
{
  cpu_set_t before, one;
  int i = 0;

  g_assert_cmpuint (ppool_limits_n_processors (), >=, 1);
  g_assert_cmpuint (ppool_limits_n_processors (), <=, g_get_num_processors ());

  if (sched_getaffinity (0, sizeof before, &before) != 0)
    {
      g_test_skip ("this machine has more processors than a plain set can hold");
      return;
    }

  while (!CPU_ISSET (i, &before))
    i++;
  CPU_ZERO (&one);
  CPU_SET (i, &one);

  g_assert_cmpint (sched_setaffinity (0, sizeof one, &one), ==, 0);
  g_assert_cmpuint (ppool_limits_n_processors (), ==, 1);
  g_assert_cmpint (sched_setaffinity (0, sizeof before, &before), ==, 0);
}

static void
test_memory (Fixture       *fixture,
             gconstpointer  user_data)
{
  g_assert_cmpuint (ppool_limits_available_memory (fixture->root), ==, G_MAXUINT64);
  put (fixture, "proc/meminfo", "MemTotal: 900 kB\nMemFree: 100 kB\n");
  g_assert_cmpuint (ppool_limits_available_memory (fixture->root), ==, G_MAXUINT64);
  put (fixture, "proc/meminfo",
       "MemTotal:    900 kB\nMemFree:  100 kB\nMemAvailable:     300 kB\nSwapCached: 7 kB\n"
       "SwapTotal:    50 kB\nSwapFree:  20 kB\n");
  g_assert_cmpuint (ppool_limits_available_memory (fixture->root), ==, 320 * 1024);
  g_assert_cmpuint (ppool_limits_available_memory ("/"), >, 1024 * 1024);
}

int
main (int    argc,
      char **argv)
{
  scratch_init ();
  g_test_init (&argc, &argv, NULL);

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/limits/quota/unified", test_unified);
  ADD ("/limits/quota/unified-ancestor", test_unified_ancestor);
  ADD ("/limits/quota/legacy", test_legacy);
  ADD ("/limits/quota/mounted-below", test_mounted_below);
  ADD ("/limits/quota/both", test_both);
  ADD ("/limits/quota/nonsense", test_nonsense);
  ADD ("/limits/memory", test_memory);
#undef ADD
  g_test_add_func ("/limits/processors/here", test_here);

  return g_test_run ();
}
