/* peers.h: what the program ppool-benchmark-peer can measure
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

/* The descriptor by which the other process of a peer reaches the first. */
#define PEER_FD 3

/* GDBus as it comes. */
void peer_gdbus_call  (void);
void peer_gdbus_start (void);
void peer_gdbus_serve (void);

/* The least that two processes can do. */
void peer_raw_call    (void);
void peer_raw_serve   (void);

/* GSubprocess as it comes. */
void peer_spawn       (void);

/* One process. */
void peer_memcpy      (void);
void peer_in_place    (void);
void peer_busy        (void);
void peer_gtask       (void);
