/* pool.h: executors to be measured
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <ppool-glib/ppool-glib.h>

G_BEGIN_DECLS

/* Workers that wait to be let go on. */
typedef struct _PoolGate PoolGate;

/* The program as a worker. */
int            pool_serve       (void);

PPoolExecutor *pool_new         (guint           max_workers);
/* The same, with all workers started and the function "echo" known. */
PPoolExecutor *pool_new_warm    (guint           max_workers);
void           pool_end         (PPoolExecutor  *executor);

/* Arguments of a kind: "none", "x" or "si". */
GVariant      *pool_make_args   (const char     *kind,
                                 int             number);
PPoolFuture   *pool_submit      (PPoolExecutor  *executor,
                                 const char     *function,
                                 GVariant       *args);
/* Fills the array. */
void           pool_submit_many (PPoolExecutor  *executor,
                                 const char     *kind,
                                 PPoolFuture   **futures,
                                 guint           n);
/* Reads the results, and drops the futures. */
void           pool_read_many   (PPoolFuture   **futures,
                                 guint           n);

PoolGate      *pool_gate_new    (PPoolExecutor  *executor,
                                 guint           n_workers);
void           pool_gate_open   (PoolGate       *self);

G_END_DECLS
