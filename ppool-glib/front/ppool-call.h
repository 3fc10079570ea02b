/* ppool-call.h: what to run
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

#define PPOOL_TYPE_CALL (ppool_call_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolCall, ppool_call, PPOOL, CALL, GObject)

PPOOL_AVAILABLE_IN_1_0
PPoolCall          *ppool_call_new             (const char         *function,
                                                GVariant           *args) G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
const char         *ppool_call_get_function    (PPoolCall          *self);
PPOOL_AVAILABLE_IN_1_0
GVariant           *ppool_call_get_args        (PPoolCall          *self);

PPOOL_AVAILABLE_IN_1_0
const GVariantType *ppool_call_get_result_type (PPoolCall          *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_call_set_result_type (PPoolCall          *self,
                                                const GVariantType *result_type);

PPOOL_AVAILABLE_IN_1_0
int                 ppool_call_get_timeout_msec (PPoolCall         *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_call_set_timeout_msec (PPoolCall *self,
                                                 int        timeout_msec);

PPOOL_AVAILABLE_IN_1_0
int                 ppool_call_get_queue_timeout_msec (PPoolCall   *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_call_set_queue_timeout_msec (PPoolCall *self,
                                                       int        queue_timeout_msec);

PPOOL_AVAILABLE_IN_1_0
guint               ppool_call_get_max_retries (PPoolCall          *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_call_set_max_retries (PPoolCall          *self,
                                                guint               max_retries);

PPOOL_AVAILABLE_IN_1_0
const char         *ppool_call_get_label       (PPoolCall          *self);
PPOOL_AVAILABLE_IN_1_0
void                ppool_call_set_label       (PPoolCall          *self,
                                                const char         *label);

G_END_DECLS
