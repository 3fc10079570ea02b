/* ppool-invocation.h: one call being served
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_INVOCATION (ppool_invocation_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolInvocation, ppool_invocation, PPOOL, INVOCATION, GObject)

PPOOL_AVAILABLE_IN_1_0
const char *ppool_invocation_get_function         (PPoolInvocation *self);
PPOOL_AVAILABLE_IN_1_0
GVariant   *ppool_invocation_get_args             (PPoolInvocation *self);
PPOOL_AVAILABLE_IN_1_0
GCancellable *ppool_invocation_get_cancellable    (PPoolInvocation *self);
PPOOL_AVAILABLE_IN_1_0
gint64      ppool_invocation_get_deadline         (PPoolInvocation *self);
PPOOL_AVAILABLE_IN_1_0
guint       ppool_invocation_get_attempt          (PPoolInvocation *self);

PPOOL_AVAILABLE_IN_1_0
void        ppool_invocation_return_value         (PPoolInvocation *self,
                                                   GVariant        *value);
PPOOL_AVAILABLE_IN_1_0
void        ppool_invocation_return_gerror        (PPoolInvocation *self,
                                                   const GError    *error);
PPOOL_AVAILABLE_IN_1_0
void        ppool_invocation_return_error_literal (PPoolInvocation *self,
                                                   GQuark           domain,
                                                   int              code,
                                                   const char      *message);

G_END_DECLS
