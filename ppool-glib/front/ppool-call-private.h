/* ppool-call-private.h: what to run, for who submits it
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-call-spec-private.h"
#include "ppool-call.h"

G_BEGIN_DECLS

PPoolCallSpec *ppool_call_get_spec (PPoolCall *self);

G_END_DECLS
