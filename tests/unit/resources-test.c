/* resources-test.c: what a system would let a process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-resources-private.h"

#include "fake-root.h"
#include "scratch.h"

static void
test_memory (FakeRoot      *fixture,
             gconstpointer  user_data)
{
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, G_MAXUINT64);
  fake_root_put (fixture, "proc/meminfo", "MemTotal: 900 kB\nMemFree: 100 kB\n");
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, G_MAXUINT64);
  fake_root_put (fixture, "proc/meminfo",
       "MemTotal:    900 kB\nMemFree:  100 kB\nMemAvailable:     300 kB\nSwapCached: 7 kB\n"
       "SwapTotal:    50 kB\nSwapFree:  20 kB\n");
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, 320 * 1024);
  g_assert_cmpuint (ppool_resources_available_memory ("/"), >, 1024 * 1024);
}

#define MIB (1024ull * 1024)

static void
assert_memory (FakeRoot *fixture,
               guint64   expected)
{
  g_assert_cmpuint (ppool_resources_available_memory (fixture->root), ==, expected);
}

static void
put_number (FakeRoot   *fixture,
            const char *dir,
            const char *name,
            guint64     number)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "\n", number);

  fake_root_put (fixture, path, text);
}

#define GROUP "sys/fs/cgroup/user.slice/me"

static void
put_unified (FakeRoot *fixture,
             guint64   swap)
{
  g_autofree char *text = g_strdup_printf ("MemAvailable: %llu kB\nSwapFree: %" G_GUINT64_FORMAT
                                           " kB\n", 64 * MIB, swap / 1024);

  fake_root_put (fixture, "proc/meminfo", text);
  fake_root_put (fixture, "proc/self/cgroup", "0::/user.slice/me\n");
  fake_root_put (fixture, "proc/self/mountinfo", OTHER_MOUNTS UNIFIED_MOUNT);
  fake_root_put (fixture, GROUP "/memory.max", "max\n");
  put_number (fixture, GROUP, "memory.current", 500 * MIB);
}

/* A part of the limit is left alone, which is 16 MiB at most. */
static void
test_memory_unified (FakeRoot      *fixture,
                     gconstpointer  user_data)
{
  put_unified (fixture, 0);
  assert_memory (fixture, 65536 * MIB);

  put_number (fixture, GROUP, "memory.max", 800 * MIB);
  assert_memory (fixture, 284 * MIB);

  /* What was read from files goes first. */
  fake_root_put (fixture, GROUP "/memory.stat",
                 "anon 1000\nactive_file 4096\ninactive_file 104857600\n");
  assert_memory (fixture, 384 * MIB);

  put_number (fixture, GROUP, "memory.max", 400 * MIB);
  assert_memory (fixture, 0);

  put_number (fixture, GROUP, "memory.max", 160 * MIB);
  put_number (fixture, GROUP, "memory.current", 130 * MIB);
  assert_memory (fixture, 120 * MIB);
}

static void
test_memory_ancestor (FakeRoot      *fixture,
                      gconstpointer  user_data)
{
  put_unified (fixture, 0);
  put_number (fixture, GROUP, "memory.max", 4000 * MIB);
  put_number (fixture, "sys/fs/cgroup/user.slice", "memory.max", 1000 * MIB);
  put_number (fixture, "sys/fs/cgroup/user.slice", "memory.current", 700 * MIB);
  assert_memory (fixture, 284 * MIB);

  /* What a container shows of its own root. */
  fake_root_put (fixture, "proc/self/cgroup", "0::/\n");
  put_number (fixture, "sys/fs/cgroup", "memory.max", 100 * MIB);
  put_number (fixture, "sys/fs/cgroup", "memory.current", 64 * MIB);
  assert_memory (fixture, 36 * MIB - 100 * MIB / 16);
}

static void
test_memory_swap (FakeRoot      *fixture,
                  gconstpointer  user_data)
{
  put_unified (fixture, 300 * MIB);
  assert_memory (fixture, 65536 * MIB + 300 * MIB);

  put_number (fixture, GROUP, "memory.max", 800 * MIB);
  assert_memory (fixture, 584 * MIB);

  put_number (fixture, GROUP, "memory.swap.max", 150 * MIB);
  put_number (fixture, GROUP, "memory.swap.current", 50 * MIB);
  assert_memory (fixture, 384 * MIB);

  fake_root_put (fixture, GROUP "/memory.swap.max", "max\n");
  assert_memory (fixture, 584 * MIB);
}

#define LEGACY_GROUP "sys/fs/cgroup/memory/docker/me"

static void
test_memory_legacy (FakeRoot      *fixture,
                    gconstpointer  user_data)
{
  put_unified (fixture, 100 * MIB);
  fake_root_put (fixture, "proc/self/cgroup", "7:pids:/p\n4:memory:/docker/me\n0::/\n");
  fake_root_put (fixture, "proc/self/mountinfo", OTHER_MOUNTS UNIFIED_MOUNT
                 "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  put_number (fixture, LEGACY_GROUP, "memory.limit_in_bytes", 9223372036854771712ull);
  put_number (fixture, LEGACY_GROUP, "memory.usage_in_bytes", 500 * MIB);
  assert_memory (fixture, 65636 * MIB);

  put_number (fixture, LEGACY_GROUP, "memory.limit_in_bytes", 800 * MIB);
  assert_memory (fixture, 384 * MIB);
  fake_root_put (fixture, LEGACY_GROUP "/memory.stat",
                 "inactive_file 4096\ntotal_inactive_file 52428800\n");
  assert_memory (fixture, 434 * MIB);

  put_number (fixture, LEGACY_GROUP, "memory.memsw.limit_in_bytes", 800 * MIB);
  put_number (fixture, LEGACY_GROUP, "memory.memsw.usage_in_bytes", 600 * MIB);
  assert_memory (fixture, 234 * MIB);
}

static void
test_memory_nonsense (FakeRoot      *fixture,
                      gconstpointer  user_data)
{
  const char *texts[] = { "", "\n", "-1", "x", "1 2", "99999999999999999999" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      put_unified (fixture, 0);
      fake_root_put (fixture, GROUP "/memory.max", texts[i]);
      assert_memory (fixture, 65536 * MIB);
      put_number (fixture, GROUP, "memory.max", 800 * MIB);
      fake_root_put (fixture, GROUP "/memory.current", texts[i]);
      assert_memory (fixture, 65536 * MIB);
      put_number (fixture, GROUP, "memory.current", 500 * MIB);
      fake_root_put (fixture, GROUP "/memory.stat", texts[i]);
      assert_memory (fixture, 284 * MIB);
    }
}

static void
assert_pids (FakeRoot   *fixture,
             guint64     expected_limit,
             guint64     expected_used,
             const char *expected_file)
{
  guint64 limit, used;
  g_autofree char *file = ppool_resources_read_pids (fixture->root, &limit, &used);

  g_assert_cmpuint (limit, ==, expected_limit);
  g_assert_cmpuint (used, ==, expected_used);
  g_assert_cmpstr (file, ==, expected_file);
}

static void
test_pids (FakeRoot      *fixture,
           gconstpointer  user_data)
{
  assert_pids (fixture, PPOOL_RESOURCES_NO_LIMIT, 0, NULL);

  put_unified (fixture, 0);
  fake_root_put (fixture, GROUP "/pids.max", "max\n");
  put_number (fixture, GROUP, "pids.current", 7);
  assert_pids (fixture, PPOOL_RESOURCES_NO_LIMIT, 0, NULL);

  put_number (fixture, GROUP, "pids.max", 100);
  assert_pids (fixture, 100, 7, "/" GROUP "/pids.max");

  /* The one that has less left, though its limit is higher. */
  put_number (fixture, "sys/fs/cgroup/user.slice", "pids.max", 200);
  put_number (fixture, "sys/fs/cgroup/user.slice", "pids.current", 150);
  assert_pids (fixture, 200, 150, "/sys/fs/cgroup/user.slice/pids.max");

  /* Some were there before the limit. */
  put_number (fixture, GROUP, "pids.max", 5);
  assert_pids (fixture, 5, 5, "/" GROUP "/pids.max");
}

static void
test_pids_legacy (FakeRoot      *fixture,
                  gconstpointer  user_data)
{
  fake_root_put (fixture, "proc/self/cgroup", "8:pids:/docker/me\n0::/\n");
  fake_root_put (fixture, "proc/self/mountinfo",
                 "38 30 0:35 /docker/me /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
  put_number (fixture, "sys/fs/cgroup/pids", "pids.max", 64);
  put_number (fixture, "sys/fs/cgroup/pids", "pids.current", 3);
  assert_pids (fixture, 64, 3, "/sys/fs/cgroup/pids/pids.max");
}

static void
test_processes (FakeRoot      *fixture,
                gconstpointer  user_data)
{
  g_assert_cmpuint (ppool_resources_count_processes (fixture->root, 1000, 500), ==, 0);

  fake_root_put (fixture, "proc/loadavg", "0.14 0.10 0.09 2/321 4711\n");
  fake_root_put (fixture, "proc/1/status", "Name:\tinit\nUid:\t0\t0\t0\t0\nThreads:\t1\n");
  fake_root_put (fixture, "proc/22/status",
                 "Name:\tUid:\nUid:\t1000\t0\t0\t0\nNSpid:\t22\nThreads:\t30\n");
  fake_root_put (fixture, "proc/333/status", "Name:\ta\nUid:\t1000\t1\t1\t1\nThreads:\t2\n");
  fake_root_put (fixture, "proc/4/status", "");
  fake_root_put (fixture, "proc/self/status", "Name:\ta\nUid:\t1000\t1\t1\t1\nThreads:\t9\n");
  g_assert_cmpuint (ppool_resources_count_processes (fixture->root, 1000, 320), ==, 32);
  g_assert_cmpuint (ppool_resources_count_processes (fixture->root, 0, 0), ==, 1);

  /* If there is room for all, it does not matter whose they are. */
  g_assert_cmpuint (ppool_resources_count_processes (fixture->root, 1000, 321), ==, 321);
}

/* What the kernel has killed, in this group or in one above it. */
static void
test_oom_kills (FakeRoot      *fixture,
                gconstpointer  user_data)
{
  guint64 before;

  g_assert_cmpuint (ppool_resources_count_oom_kills (fixture->root), ==, 0);
  put_unified (fixture, 0);
  g_assert_cmpuint (ppool_resources_count_oom_kills (fixture->root), ==, 0);

  fake_root_put (fixture, GROUP "/memory.events",
                 "low 0\nhigh 1\nmax 9\noom 5\noom_kill 3\noom_group_kill 7\n");
  g_assert_cmpuint (ppool_resources_count_oom_kills (fixture->root), ==, 3);

  /* It grows whichever of them counts, and however many the other one has. */
  fake_root_put (fixture, "sys/fs/cgroup/user.slice/memory.events", "oom 5\noom_kill 40\n");
  before = ppool_resources_count_oom_kills (fixture->root);
  fake_root_put (fixture, GROUP "/memory.events", "oom 5\noom_kill 4\n");
  g_assert_cmpuint (ppool_resources_count_oom_kills (fixture->root), ==, before + 1);
}

static void
test_oom_kills_legacy (FakeRoot      *fixture,
                       gconstpointer  user_data)
{
  put_unified (fixture, 0);
  fake_root_put (fixture, "proc/self/cgroup", "7:pids:/p\n4:memory:/docker/me\n0::/\n");
  fake_root_put (fixture, "proc/self/mountinfo", OTHER_MOUNTS UNIFIED_MOUNT
                 "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  fake_root_put (fixture, LEGACY_GROUP "/memory.oom_control",
                 "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  g_assert_cmpuint (ppool_resources_count_oom_kills (fixture->root), ==, 2);
}

int
main (int    argc,
      char **argv)
{
  scratch_init ();
  g_test_init (&argc, &argv, NULL);

  fake_root_add ("/resources/memory/system", test_memory);
  fake_root_add ("/resources/memory/unified", test_memory_unified);
  fake_root_add ("/resources/memory/ancestor", test_memory_ancestor);
  fake_root_add ("/resources/memory/swap", test_memory_swap);
  fake_root_add ("/resources/memory/legacy", test_memory_legacy);
  fake_root_add ("/resources/memory/nonsense", test_memory_nonsense);
  fake_root_add ("/resources/oom-kills/unified", test_oom_kills);
  fake_root_add ("/resources/oom-kills/legacy", test_oom_kills_legacy);
  fake_root_add ("/resources/pids/unified", test_pids);
  fake_root_add ("/resources/pids/legacy", test_pids_legacy);
  fake_root_add ("/resources/processes", test_processes);

  return g_test_run ();
}
