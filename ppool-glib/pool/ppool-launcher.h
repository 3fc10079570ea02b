/* ppool-launcher.h: how workers are started
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "ppool-enums.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_LAUNCHER (ppool_launcher_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolLauncher, ppool_launcher, PPOOL, LAUNCHER, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolLauncher      *ppool_launcher_new                        (const char * const *argv)
                                                               G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolLauncher      *ppool_launcher_new_self                   (void) G_GNUC_WARN_UNUSED_RESULT;
PPOOL_AVAILABLE_IN_1_0
PPoolLauncher      *ppool_launcher_new_module                 (const char         *path)
                                                               G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
const char * const *ppool_launcher_get_argv                   (PPoolLauncher      *self);

PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_set_environ                (PPoolLauncher      *self,
                                                               const char * const *env);
PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_setenv                     (PPoolLauncher      *self,
                                                               const char         *variable,
                                                               const char         *value,
                                                               gboolean            overwrite);
PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_unsetenv                   (PPoolLauncher      *self,
                                                               const char         *variable);
PPOOL_AVAILABLE_IN_1_0
const char         *ppool_launcher_getenv                     (PPoolLauncher      *self,
                                                               const char         *variable);

PPOOL_AVAILABLE_IN_1_0
const char         *ppool_launcher_get_cwd                    (PPoolLauncher      *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_set_cwd                    (PPoolLauncher      *self,
                                                               const char         *cwd);

PPOOL_AVAILABLE_IN_1_0
int                 ppool_launcher_inherit_fd                 (PPoolLauncher      *self,
                                                               int                 fd);

PPOOL_AVAILABLE_IN_1_0
PPoolStderrMode     ppool_launcher_get_stderr_mode            (PPoolLauncher      *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_set_stderr_mode            (PPoolLauncher      *self,
                                                               PPoolStderrMode     stderr_mode);

PPOOL_AVAILABLE_IN_1_0
guint               ppool_launcher_get_handshake_timeout_msec (PPoolLauncher      *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_launcher_set_handshake_timeout_msec (
    PPoolLauncher *self,
    guint          handshake_timeout_msec);

G_END_DECLS
