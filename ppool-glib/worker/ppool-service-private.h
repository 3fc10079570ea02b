/* ppool-service-private.h: what a pool asks of this worker, and its answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-error.h"

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolService PPoolService;

/* What an answer needs to find its call. */
typedef struct
{
  guint64 id;
  guint32 serial;       /* of the message to reply to; 0 if it came in a frame */
  gboolean initializes; /* a value is answered with what the worker is */
} PPoolTicket;

/* Runs after each answer, and when ppool_service_has_notes() has become true, in any
 * thread. */
typedef void (*PPoolServiceFunc) (gpointer owner);

PPoolService *ppool_service_new            (int                 fd,
                                            PPoolServiceFunc    answered,
                                            PPoolServiceFunc    noted,
                                            gpointer            owner,
                                            GDestroyNotify      owner_unref);
PPoolService *ppool_service_ref            (PPoolService       *self);
void          ppool_service_unref          (PPoolService       *self);

/* In the thread that serves. */
gboolean      ppool_service_connect        (PPoolService       *self,
                                            GError            **error);
gboolean      ppool_service_receive        (PPoolService       *self,
                                            gboolean           *more,
                                            GError            **error);
gboolean      ppool_service_has_calls      (PPoolService       *self);
gboolean      ppool_service_is_leaving     (PPoolService       *self);
gboolean      ppool_service_next           (PPoolService       *self,
                                            PPoolTicket        *ticket,
                                            const char        **function,
                                            GError            **error);
gboolean      ppool_service_take           (PPoolService       *self,
                                            const PPoolTicket  *ticket,
                                            gint64              now);
GVariant     *ppool_service_load           (PPoolService       *self);
void          ppool_service_set_gathering  (PPoolService       *self,
                                            gboolean            gathering);
void          ppool_service_hold           (PPoolService       *self);
void          ppool_service_let_go         (PPoolService       *self);
gint64        ppool_service_tidy           (PPoolService       *self,
                                            gint64              now);
void          ppool_service_close          (PPoolService       *self);

/* In any thread. An error that the function set never passes for a verdict of
 * the library, not even in its domain; a failure is such a verdict. */
void          ppool_service_return_value   (PPoolService       *self,
                                            const PPoolTicket  *ticket,
                                            GVariant           *value);
void          ppool_service_return_error   (PPoolService       *self,
                                            const PPoolTicket  *ticket,
                                            const GError       *error);
void          ppool_service_return_failure (PPoolService       *self,
                                            const PPoolTicket  *ticket,
                                            PPoolError          code,
                                            const char         *message);
void          ppool_service_note_answer    (PPoolService       *self);
gboolean      ppool_service_has_results    (PPoolService       *self);
gboolean      ppool_service_has_notes      (PPoolService       *self);
void          ppool_service_flush          (PPoolService       *self);
void          ppool_service_flush_late     (PPoolService       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolService, ppool_service_unref)

G_END_DECLS
