/* ppool-spawned-private.h: whether a pool started this process
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In the environment of a worker; see the protocol page. */
#define PPOOL_ENV_WORKER_FD     "PPOOL_WORKER_FD"
#define PPOOL_ENV_WORKER_SOCKET "PPOOL_WORKER_SOCKET"

/* What a process sends instead of the authentication, which begins with a zero, if
 * it was started as a worker and does not know that. */
#define PPOOL_SPAWNED_REFUSAL "FORGOTTEN\r\n"

gboolean ppool_spawned_by_pool     (void);
gboolean ppool_spawned_check_trust (GError   **error);
int      ppool_spawned_take_fd     (void);

void     ppool_spawned_set_serving (gboolean   serving);
gboolean ppool_spawned_check       (GError   **error);

G_END_DECLS
