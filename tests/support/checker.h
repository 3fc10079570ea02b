/* checker.h: every accepted call settles exactly once, whatever happens
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "harness.h"
#include "watched.h"

G_BEGIN_DECLS

/* How long all that a checker waits for may take, together. */
#define CHECKER_SECONDS 10

/* Wraps the run of one executor. Calls are submitted through it, from any thread;
 * all else is for the thread in which it was made. At the end it asserts that
 * each call settled once and kept its outcome, that each waiter was told once, in
 * its own context, in order, that the arguments were let go of once, that the
 * executor counts nothing any more and says the same everywhere, and that nothing
 * of it all is left. */
typedef struct _Checker Checker;

typedef enum
{
  CHECKER_BY_THREAD,   /* a thread that blocks */
  CHECKER_BY_CALLBACK, /* callbacks, in this context and in another one */
  CHECKER_BY_NOBODY,   /* every other future is dropped at once */
} CheckerWaiting;

Checker       *checker_new           (Harness        *harness,
                                      PPoolExecutor  *executor);
void           checker_allow         (Checker        *self,
                                      guint           seconds);
PPoolExecutor *checker_get_executor  (Checker        *self);

Watched       *checker_submit        (Checker        *self,
                                      CheckerWaiting  waiting,
                                      const char     *function,
                                      GVariant       *args);
Watched       *checker_submit_call   (Checker        *self,
                                      CheckerWaiting  waiting,
                                      PPoolCall      *call,
                                      GVariant       *args);
guint          checker_get_n_calls   (Checker        *self);
guint          checker_get_n_done    (Checker        *self);
PPoolFuture   *checker_get_future    (Checker        *self,
                                      guint           index);

gboolean       checker_is_over       (Checker        *self);
void           checker_wait          (Checker        *self);
void           checker_wait_for      (Checker        *self,
                                      gboolean      (*condition) (gpointer user_data),
                                      gpointer        user_data);
void           checker_assert_value  (Checker        *self,
                                      guint           index);
void           checker_assert_error  (Checker        *self,
                                      guint           index,
                                      GQuark          domain,
                                      int             code,
                                      const char     *text,
                                      const char     *more);

void           checker_end           (Checker        *self,
                                      int             cause);
void           checker_drop          (Checker        *self);

G_END_DECLS
