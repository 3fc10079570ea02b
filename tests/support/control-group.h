/* control-group.h: a control group with a limit, where one can be made
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A group below the one that this process is in. */
typedef struct _ControlGroup ControlGroup;

ControlGroup *control_group_new     (const char   *controller);
gboolean      control_group_set     (ControlGroup *self,
                                     const char   *unified_name,
                                     const char   *legacy_name,
                                     guint64       value);
gboolean      control_group_join    (ControlGroup *self);
void          control_group_free    (ControlGroup *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ControlGroup, control_group_free)

G_END_DECLS
