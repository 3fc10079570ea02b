/* crash-run.h: brings a worker to its end, and sees what comes of it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "crash-cell.h"
#include "harness.h"

G_BEGIN_DECLS

void crash_run (const CrashCell *cell,
                Harness         *harness);

G_END_DECLS
