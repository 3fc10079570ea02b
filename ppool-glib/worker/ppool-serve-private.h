/* ppool-serve-private.h: what a pool asks of this worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-answers-private.h"
#include "ppool-protocol-private.h"

G_BEGIN_DECLS

/* For one thread at a time. */
typedef struct _PPoolServe PPoolServe;

PPoolServe   *ppool_serve_new         (int                 fd,
                                       PPoolAnswersFunc    answered,
                                       PPoolAnswersFunc    noted,
                                       PPoolAnswersFunc    watched,
                                       gpointer            owner,
                                       GDestroyNotify      owner_unref);
void          ppool_serve_free        (PPoolServe         *self);
PPoolAnswers *ppool_serve_get_answers (PPoolServe         *self);

gboolean      ppool_serve_connect     (PPoolServe         *self,
                                       GError            **error);
gboolean      ppool_serve_receive     (PPoolServe         *self,
                                       gboolean           *more,
                                       GError            **error);
int           ppool_serve_get_lane_fd (PPoolServe         *self);
gboolean      ppool_serve_receive_lane (PPoolServe        *self,
                                        gboolean          *more,
                                        GError           **error);
gboolean      ppool_serve_has_calls   (PPoolServe         *self);
gboolean      ppool_serve_is_leaving  (PPoolServe         *self);
gboolean      ppool_serve_next        (PPoolServe         *self,
                                       PPoolCallId        *call_id,
                                       const char        **function,
                                       GError            **error);
gboolean      ppool_serve_take        (PPoolServe         *self,
                                       const PPoolCallId  *call_id,
                                       gint64              now);
GVariant     *ppool_serve_load        (PPoolServe         *self);
gboolean      ppool_serve_has_cancel  (PPoolServe         *self);
gboolean      ppool_serve_take_cancelled (PPoolServe      *self,
                                          guint64         *id);

const PPoolCallOptions *ppool_serve_get_options (PPoolServe *self);

gint64        ppool_serve_tidy        (PPoolServe         *self,
                                       gint64              now);
void          ppool_serve_close       (PPoolServe         *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolServe, ppool_serve_free)

G_END_DECLS
