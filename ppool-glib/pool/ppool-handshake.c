/* ppool-handshake.c: connecting to a worker that was just started
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-handshake-private.h"

#include "ppool-spare-private.h"

/* Authentication blocks and a child may stay silent, so each start has a short
 * thread of its own: GDBus's asynchronous way would borrow GTask's threads,
 * which an application can keep busy for seconds. The outcome is reported in @context. The
 * handshake has to be freed there too, which joins the thread. */

struct _PPoolHandshake
{
  PPoolChannel *channel;     /* (owned) */
  GCancellable *cancellable; /* (owned) */
  GMainContext *context;     /* (owned) */
  GThread *thread;           /* (owned) (nullable): NULL if there is none to be had */
  PPoolHandshakeFunc func;
  gpointer data;

  GError *error; /* (owned) (nullable); written by the thread before it tells */
};

static gboolean
tell_cb (gpointer user_data)
{
  PPoolHandshake *self = user_data;

  self->func (self->error, self->data);
  return G_SOURCE_REMOVE;
}

static gpointer
run_handshake (gpointer data)
{
  PPoolHandshake *self = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  ppool_channel_connect (self->channel, self->cancellable, &self->error);

  g_source_set_static_name (source, "[ppool] handshake");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, tell_cb, self, NULL);
  g_source_attach (source, self->context);

  return NULL;
}

/* @func is called exactly once; never, if there is no thread for it. */
PPoolHandshake *
ppool_handshake_new (PPoolChannel       *channel,
                     GMainContext       *context,
                     PPoolHandshakeFunc  func,
                     gpointer            data,
                     GError            **error)
{
  PPoolHandshake *self = g_new0 (PPoolHandshake, 1);

  self->channel = ppool_channel_ref (channel);
  self->cancellable = g_cancellable_new ();
  self->context = g_main_context_ref (context);
  self->func = func;
  self->data = data;
  self->thread = ppool_spare_new_thread ("ppool-handshake", run_handshake, self, error);
  if (self->thread == NULL)
    g_clear_pointer (&self, ppool_handshake_free);

  return self;
}

/* Makes it end soon, with an error if it is not over. */
void
ppool_handshake_cancel (PPoolHandshake *self)
{
  g_cancellable_cancel (self->cancellable);
}

void
ppool_handshake_free (PPoolHandshake *self)
{
  g_clear_pointer (&self->thread, g_thread_join);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_pointer (&self->channel, ppool_channel_unref);
  g_free (self);
}
