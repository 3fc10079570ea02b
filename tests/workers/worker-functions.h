/* worker-functions.h: what the workers of the worker's test can do
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-error.h"
#include "ppool-worker.h"

G_BEGIN_DECLS

/* Returns: the status of the process */
int worker_functions_run (const char *mode);

G_END_DECLS
