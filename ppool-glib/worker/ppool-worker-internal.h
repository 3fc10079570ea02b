/* ppool-worker-internal.h: what the two files of the worker share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-invocation.h"

G_BEGIN_DECLS

/* Answers @invocation, or lets it be answered later. */
typedef void (*PPoolServeFunc) (PPoolInvocation *invocation,
                                gpointer         user_data);

gboolean ppool_worker_serve_channel (int              fd,
                                     GMainContext    *context,
                                     PPoolServeFunc   serve,
                                     gpointer         user_data,
                                     GError         **error);

G_END_DECLS
