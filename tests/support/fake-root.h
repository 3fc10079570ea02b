/* fake-root.h: a folder that is read as if it were the root of a system
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where the hierarchies of control groups are mounted. */
#define UNIFIED_MOUNT \
  "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define LEGACY_MOUNT  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHER_MOUNTS  "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n" \
                      "31 31 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" \
                      "nonsense\n"

typedef struct
{
  char *root; /* (owned) */
} FakeRoot;

typedef void (*FakeRootFunc) (FakeRoot      *self,
                              gconstpointer  user_data);

void fake_root_add (const char   *path,
                    FakeRootFunc  func);
void fake_root_put (FakeRoot     *self,
                    const char   *name,
                    const char   *text);

G_END_DECLS
