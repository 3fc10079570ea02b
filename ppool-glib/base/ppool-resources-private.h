/* ppool-resources-private.h: what this system lets the process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A limit that is none; numbers may be added to it. */
#define PPOOL_RESOURCES_NO_LIMIT ((guint64) G_MAXINT64)

/* Reads the limits of one control group, in the directory @group below @root;
 * @unified is FALSE for one of the old kind. */
typedef void (*PPoolGroupFunc) (const char *root,
                                const char *group,
                                gboolean    unified,
                                gpointer    user_data);

char    *ppool_resources_read_file        (const char      *root,
                                           const char      *directory,
                                           const char      *name);
gboolean ppool_resources_read_number      (const char      *root,
                                           const char      *directory,
                                           const char      *name,
                                           guint64         *number);
void     ppool_resources_foreach_group    (const char      *root,
                                           const char      *controller,
                                           PPoolGroupFunc   func,
                                           gpointer         user_data);

gboolean ppool_resources_is_superuser     (void);
guint64  ppool_resources_count_processes  (const char      *root,
                                           guint            uid,
                                           guint64          enough);
char    *ppool_resources_read_pids        (const char      *root,
                                           guint64         *limit,
                                           guint64         *used);

gboolean ppool_resources_check_workers    (guint            n_workers,
                                           GError         **error);
guint    ppool_resources_fit_workers      (guint            n_workers,
                                           GError         **error);
guint64  ppool_resources_count_oom_kills  (const char      *root);
guint64  ppool_resources_available_memory (const char      *root);

G_END_DECLS
