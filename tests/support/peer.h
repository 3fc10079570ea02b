/* peer.h: plays the pool for one worker
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "leftovers.h"

G_BEGIN_DECLS

/* How long anything may take that a test waits for. */
#define PEER_PATIENCE_MSEC 30000

/* A worker process and the pool's end of its channel. There is no code of the
 * library at this end: what is sent and what comes back is written here as the
 * published interface has it. */
typedef struct
{
  GSubprocess *process;        /* (owned) */
  GIOStream *stream;           /* (owned) (nullable) */
  GDBusConnection *connection; /* (owned) (nullable) */
  Leftovers *before;           /* (owned) */
  guint64 last_id;
  guint n_replies;
} Peer;

/* What became of one message. */
typedef struct
{
  Peer *peer;
  GDBusMessage *message; /* (owned) (nullable) */
  GError *error;         /* (owned) (nullable) */
  guint position;        /* among all replies, from 1; 0 until it is there */
} Reply;

void      peer_warm_up         (const char * const *argv);
Peer     *peer_new             (const char * const *argv);
Peer     *peer_new_unconnected (const char * const *argv);
Peer     *peer_new_with_flags  (const char * const *argv,
                                GSubprocessFlags    flags);
void      peer_hang_up         (Peer               *self);
int       peer_free            (Peer               *self);
void      peer_exit            (Peer               *self);

Reply    *peer_send            (Peer               *self,
                                const char         *member,
                                GVariant           *body);
Reply    *peer_send_initialize (Peer               *self);
Reply    *peer_send_call       (Peer               *self,
                                const char         *function,
                                GVariant           *args);
char     *peer_read_line       (Peer               *self);

void      reply_wait           (Reply              *self);
GVariant *reply_get_value      (Reply              *self);
void      reply_expect_value   (Reply              *self,
                                const char         *text);
void      reply_expect_error   (Reply              *self,
                                const char         *name,
                                const char         *message_part);
void      reply_free           (Reply              *self);

GVariant *peer_call            (Peer               *self,
                                const char         *function,
                                GVariant           *args);
void      peer_call_failing    (Peer               *self,
                                const char         *function,
                                GVariant           *args,
                                const char         *error_name,
                                const char         *message_part);

/* Takes @value. */
void      expect_value         (GVariant           *value,
                                const char         *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reply, reply_free)

G_END_DECLS
