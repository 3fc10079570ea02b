/* common-functions.c: functions that several workers have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "common-functions.h"

#include "gate.h"

GVariant *
common_echo (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  return g_variant_ref (args);
}

/* Fails with the domain, code and message that it is given. */
GVariant *
common_fail (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  const char *domain, *message;
  int code;

  g_variant_get (args, "(&si&s)", &domain, &code, &message);
  g_set_error_literal (error, g_quark_from_string (domain), code, message);

  return NULL;
}

/* Enters the gate that it is given, and does not come back. */
GVariant *
common_spin (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  const char *path;
  volatile guint64 n = 0;

  g_variant_get_child (args, 0, "&s", &path);
  gate_enter (path);
  while (TRUE)
    n++;
}
