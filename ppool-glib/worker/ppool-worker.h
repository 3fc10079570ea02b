/* ppool-worker.h: a program's life as a worker
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

#include "ppool-invocation.h"
#include "ppool-version-macros.h"

G_BEGIN_DECLS

#define PPOOL_TYPE_WORKER (ppool_worker_get_type ())

PPOOL_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (PPoolWorker, ppool_worker, PPOOL, WORKER, GObject)

/**
 * PPoolFunction:
 * @invocation: (transfer none): the call being served
 * @args: (transfer none): the arguments; never `NULL`: without arguments it is
 *   the empty tuple
 * @user_data: the data passed with the function
 * @error: return location for an error
 *
 * Runs one call in a worker and returns its value.
 *
 * A function that returns `NULL` without setting @error fails the call with
 * `PPOOL_ERROR_UNHANDLED`.
 *
 * **Threads**: it runs in the thread that called [method@PPool.Worker.run],
 * one call at a time.
 *
 * Returns: (transfer full) (nullable): the value, which may be floating, or
 *   `NULL` with @error set
 *
 * Since: 1.0
 */
typedef GVariant *(*PPoolFunction) (PPoolInvocation  *invocation,
                                    GVariant         *args,
                                    gpointer          user_data,
                                    GError          **error);

/**
 * PPoolHandler:
 * @invocation: (transfer none): the call being served
 * @user_data: the data passed with the handler
 *
 * Serves one call in a worker and answers it through @invocation, at once or
 * later.
 *
 * To answer later, keep a reference to @invocation. If the last reference is
 * dropped without an answer, the call fails with `PPOOL_ERROR_UNHANDLED`. The
 * worker serves no other call until this one is answered.
 *
 * **Threads**: it runs in the thread that called [method@PPool.Worker.run].
 *
 * Since: 1.0
 */
typedef void (*PPoolHandler) (PPoolInvocation *invocation,
                              gpointer         user_data);

/**
 * PPoolModuleInitFunc:
 * @worker: the worker of the process
 * @error: return location for an error
 *
 * Adds the functions of a module to a worker.
 *
 * A module for [ctor@PPool.Launcher.new_module] exports a function of this type
 * with the name `ppool_module_init`.
 *
 * It runs once in each worker, before the first call. If it fails, the worker
 * can't be started, and the message of @error is part of the error of the
 * executor. A module is never unloaded.
 *
 * **Threads**: it runs in the main thread of the worker.
 *
 * Returns: `TRUE` on success, `FALSE` with @error set otherwise
 *
 * Since: 1.0
 */
typedef gboolean (*PPoolModuleInitFunc) (PPoolWorker  *worker,
                                         GError      **error);

PPOOL_AVAILABLE_IN_1_0
gboolean     ppool_worker_is_spawned   (void);

PPOOL_AVAILABLE_IN_1_0
PPoolWorker *ppool_worker_new          (void) G_GNUC_WARN_UNUSED_RESULT;

PPOOL_AVAILABLE_IN_1_0
void         ppool_worker_add_function (PPoolWorker     *self,
                                        const char      *name,
                                        PPoolFunction    func,
                                        gpointer         user_data,
                                        GDestroyNotify   user_data_destroy);
PPOOL_AVAILABLE_IN_1_0
void         ppool_worker_add_handler  (PPoolWorker     *self,
                                        const char      *name,
                                        PPoolHandler     func,
                                        gpointer         user_data,
                                        GDestroyNotify   user_data_destroy);

PPOOL_AVAILABLE_IN_1_0
int          ppool_worker_run          (PPoolWorker     *self,
                                        GError         **error);

G_END_DECLS
