/* ppool-glib.h: the one header that programs include
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#define PPOOL_INSIDE

#include "ppool-version.h"
#include "ppool-version-macros.h"

#include "ppool-enums.h"
#include "ppool-enum-types.h"
#include "ppool-error.h"

#include "ppool-as-completed.h"
#include "ppool-buffer.h"
#include "ppool-call.h"
#include "ppool-death.h"
#include "ppool-executor.h"
#include "ppool-executor-policy.h"
#include "ppool-future.h"
#include "ppool-launcher.h"
#include "ppool-map.h"
#include "ppool-wait.h"
#include "ppool-worker-status.h"

#include "ppool-invocation.h"
#include "ppool-worker.h"

#undef PPOOL_INSIDE
