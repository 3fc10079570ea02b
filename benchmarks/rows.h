/* rows.h: what the program ppool-benchmark can measure
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

/* Calls. */
void row_submit     (void);
void row_callbacks  (void);
void row_backlog    (void);
void row_call       (void);
void row_queue      (void);

/* Functions that end their workers, or never return. */
void row_faults     (void);

/* Functions that take their time. */
void row_busy       (void);
void row_map        (void);

/* Large values. */
void row_echo       (void);
void row_in_place   (void);

/* Workers. */
void row_start      (void);
void row_blocked    (void);

/* Memory. */
void row_memory     (void);
void row_map_memory (void);

/* Many futures. */
void row_wait       (void);
