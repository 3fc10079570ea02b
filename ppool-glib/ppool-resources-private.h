/* ppool-resources-private.h: what this system lets the process have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads the limits of one control group, in the directory @group below @root;
 * @unified is FALSE for one of the old kind. */
typedef void (*PPoolGroupFunc) (const char *root,
                                const char *group,
                                gboolean    unified,
                                gpointer    user_data);

char    *ppool_resources_read_file        (const char      *root,
                                           const char      *directory,
                                           const char      *name);
void     ppool_resources_foreach_group    (const char      *root,
                                           const char      *controller,
                                           PPoolGroupFunc   func,
                                           gpointer         user_data);

gboolean ppool_resources_check_workers    (guint            n_workers,
                                           GError         **error);
guint64  ppool_resources_available_memory (const char      *root);

G_END_DECLS
