/* common-functions.h: functions that several workers have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <ppool-glib/ppool-glib.h>

G_BEGIN_DECLS

GVariant *common_echo (PPoolInvocation  *invocation,
                       GVariant         *args,
                       gpointer          user_data,
                       GError          **error);
GVariant *common_fail (PPoolInvocation  *invocation,
                       GVariant         *args,
                       gpointer          user_data,
                       GError          **error);
GVariant *common_spin (PPoolInvocation  *invocation,
                       GVariant         *args,
                       gpointer          user_data,
                       GError          **error) G_GNUC_NORETURN;

G_END_DECLS
