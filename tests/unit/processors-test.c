/* processors-test.c: the processors that a system would give
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-processors-private.h"

#include "fake-root.h"
#include "scratch.h"

#include <sched.h>

static void
assert_quota (FakeRoot *fixture,
              guint    expected)
{
  g_assert_cmpuint (ppool_processors_quota (fixture->root), ==, expected);
}

static void
put_unified (FakeRoot   *fixture,
             const char *text)
{
  fake_root_put (fixture, "proc/self/cgroup", "0::/user.slice/me\n");
  fake_root_put (fixture, "proc/self/mountinfo", OTHER_MOUNTS UNIFIED_MOUNT);
  fake_root_put (fixture, "sys/fs/cgroup/user.slice/me/cpu.max", text);
}

static void
test_unified (FakeRoot      *fixture,
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
test_unified_ancestor (FakeRoot      *fixture,
                       gconstpointer  user_data)
{
  put_unified (fixture, "800000 100000\n");
  fake_root_put (fixture, "sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  assert_quota (fixture, 3);

  /* What a container shows of its own root. */
  fake_root_put (fixture, "proc/self/cgroup", "0::/\n");
  fake_root_put (fixture, "sys/fs/cgroup/cpu.max", "50000 50000\n");
  assert_quota (fixture, 1);
}

static void
test_legacy (FakeRoot      *fixture,
             gconstpointer  user_data)
{
  fake_root_put (fixture, "proc/self/cgroup",
                 "5:memory:/m\n4:cpu,cpuacct:/a/b\n3:cpuset:/c\n0::/\n");
  fake_root_put (fixture, "proc/self/mountinfo", OTHER_MOUNTS LEGACY_MOUNT);
  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, G_MAXUINT);

  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
  assert_quota (fixture, 5);
}

/* A container without a namespace for control groups: the host's path, of which
 * only the end is mounted. */
static void
test_mounted_below (FakeRoot      *fixture,
                    gconstpointer  user_data)
{
  fake_root_put (fixture, "proc/self/cgroup", "4:cpu:/docker/1234/job\n");
  fake_root_put (fixture, "proc/self/mountinfo",
       "32 31 0:29 /docker/1234 /cg\\040cpu ro - cgroup cgroup rw,cpu\n");
  fake_root_put (fixture, "cg cpu/job/cpu.cfs_quota_us", "400000\n");
  fake_root_put (fixture, "cg cpu/job/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 4);

  fake_root_put (fixture, "proc/self/cgroup", "4:cpu:/docker/12345\n");
  assert_quota (fixture, G_MAXUINT);

  fake_root_put (fixture, "cg cpu/cpu.cfs_quota_us", "600000\n");
  fake_root_put (fixture, "cg cpu/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 6);
}

static void
test_both (FakeRoot      *fixture,
           gconstpointer  user_data)
{
  put_unified (fixture, "700000 100000\n");
  fake_root_put (fixture, "proc/self/cgroup", "4:cpu:/\n0::/user.slice/me\n");
  fake_root_put (fixture, "proc/self/mountinfo", LEGACY_MOUNT UNIFIED_MOUNT);
  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "800000\n");
  fake_root_put (fixture, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  assert_quota (fixture, 7);
}

static void
test_nonsense (FakeRoot      *fixture,
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

  fake_root_put (fixture, "proc/self/mountinfo", "a b c - d\n - \n\n");
  assert_quota (fixture, G_MAXUINT);
  fake_root_put (fixture, "proc/self/cgroup", "::::\n0\n\n0::/../../up\n");
  assert_quota (fixture, G_MAXUINT);
}

static void
test_here (void)
{
  cpu_set_t before, one;
  int i = 0;

  g_assert_cmpuint (ppool_processors_count (), >=, 1);
  g_assert_cmpuint (ppool_processors_count (), <=, g_get_num_processors ());

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
  g_assert_cmpuint (ppool_processors_count (), ==, 1);
  g_assert_cmpint (sched_setaffinity (0, sizeof before, &before), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  scratch_init ();
  g_test_init (&argc, &argv, NULL);

  fake_root_add ("/processors/quota/unified", test_unified);
  fake_root_add ("/processors/quota/unified-ancestor", test_unified_ancestor);
  fake_root_add ("/processors/quota/legacy", test_legacy);
  fake_root_add ("/processors/quota/mounted-below", test_mounted_below);
  fake_root_add ("/processors/quota/both", test_both);
  fake_root_add ("/processors/quota/nonsense", test_nonsense);
  g_test_add_func ("/processors/here", test_here);

  return g_test_run ();
}
