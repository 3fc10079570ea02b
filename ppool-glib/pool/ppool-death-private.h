/* ppool-death-private.h: how a worker died that ran a call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-death.h"
#include "ppool-verdict-private.h"

G_BEGIN_DECLS

PPoolDeath *ppool_death_new (const PPoolVerdict *verdict,
                             const char         *message);

G_END_DECLS
