/* ppool-answers-private.h: what a worker answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-board-private.h"
#include "ppool-error.h"
#include "ppool-loans-private.h"
#include "ppool-wire-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolAnswers PPoolAnswers;

/* What an answer needs to find its call. */
typedef struct
{
  guint64 id;
  guint32 serial;       /* of the message to reply to; 0 if it came in a frame */
  gboolean initializes; /* a value is answered with what the worker is */
} PPoolCallId;

/* Runs in any thread. */
typedef void (*PPoolAnswersFunc) (gpointer owner);

PPoolAnswers *ppool_answers_new            (PPoolWire          *wire,
                                            PPoolAnswersFunc    answered,
                                            PPoolAnswersFunc    noted,
                                            PPoolAnswersFunc    watched,
                                            gpointer            owner,
                                            GDestroyNotify      owner_unref);
PPoolAnswers *ppool_answers_ref            (PPoolAnswers       *self);
void          ppool_answers_unref          (PPoolAnswers       *self);

/* In the thread that serves. */
void          ppool_answers_set_features   (PPoolAnswers       *self,
                                            gboolean            as_bytes,
                                            gboolean            has_frames);
void          ppool_answers_take_board     (PPoolAnswers       *self,
                                            PPoolBoard         *board);
void          ppool_answers_take_lane      (PPoolAnswers       *self,
                                            PPoolLink          *lane);
PPoolLoans   *ppool_answers_begin_lending  (PPoolAnswers       *self);
void          ppool_answers_set_gathering  (PPoolAnswers       *self,
                                            gboolean            gathering);
void          ppool_answers_set_lent       (PPoolAnswers       *self,
                                            gboolean            is_lent);
void          ppool_answers_hold           (PPoolAnswers       *self);
void          ppool_answers_release        (PPoolAnswers       *self);
gint64        ppool_answers_trim           (PPoolAnswers       *self,
                                            gint64              now);
void          ppool_answers_close          (PPoolAnswers       *self);

/* In any thread. An error that the function set never passes for a verdict of
 * the library, not even in its domain; a failure is such a verdict. */
void          ppool_answers_return_value   (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id,
                                            GVariant           *value);
void          ppool_answers_return_error   (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id,
                                            const GError       *error);
PPoolError    ppool_answers_code_of        (const GError       *error);
void          ppool_answers_return_failure (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id,
                                            PPoolError          code,
                                            const char         *message);
void          ppool_answers_note_answer    (PPoolAnswers       *self);
void          ppool_answers_return_info    (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id);
void          ppool_answers_return_nothing (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id);
void          ppool_answers_refuse         (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id);
gboolean      ppool_answers_have_results   (PPoolAnswers       *self);
gboolean      ppool_answers_have_notes     (PPoolAnswers       *self);
void          ppool_answers_flush          (PPoolAnswers       *self);
void          ppool_answers_flush_late     (PPoolAnswers       *self);
gboolean      ppool_answers_watch          (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id,
                                            GCancellable       *cancellable);
void          ppool_answers_unwatch        (PPoolAnswers       *self,
                                            const PPoolCallId  *call_id);
void          ppool_answers_cancel         (PPoolAnswers       *self,
                                            guint64             id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolAnswers, ppool_answers_unref)

G_END_DECLS
