/* ppool-failure-private.h: an error that many calls can have
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Each reader gets a copy; a pool that breaks with a million calls has one. */
typedef struct _PPoolFailure PPoolFailure;

PPoolFailure *ppool_failure_new       (GError       *error);
PPoolFailure *ppool_failure_ref       (PPoolFailure *self);
void          ppool_failure_unref     (PPoolFailure *self);
const GError *ppool_failure_get_error (PPoolFailure *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolFailure, ppool_failure_unref)

G_END_DECLS
