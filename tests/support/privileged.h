/* privileged.h: programs that have more privileges than who runs them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A user and a group without any. */
#define PRIVILEGED_NOBODY 65534

gboolean privileged_can_be_made (void);
char    *privileged_copy        (const char *program,
                                 guint       mode,
                                 const char *capabilities);
void     privileged_remove      (const char *copy);

/* Between these, this process is nobody. */
void     privileged_enter       (void);
void     privileged_leave       (void);

G_END_DECLS
