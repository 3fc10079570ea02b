/* ppool-reply.c: one who is told by a GAsyncReadyCallback
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-reply-private.h"

/* A task holds its main context, and a context that a program has released is to be freed,
 * with all that waits there. So the task is made last, in a source of that context. */

void
ppool_reply_init (PPoolReply          *self,
                  gpointer             source_object,
                  GCancellable        *cancellable,
                  GAsyncReadyCallback  callback,
                  gpointer             user_data)
{
  self->source_object = source_object != NULL ? g_object_ref (source_object) : NULL;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->callback = callback;
  self->user_data = user_data;
}

void
ppool_reply_clear (PPoolReply *self)
{
  g_clear_object (&self->cancellable);
  g_clear_object (&self->source_object);
}

/* To be called in a source of the context that asked, and for no more than one task.
 * @is_cancellable says that cancelling is still worth an error then, since nothing is lost
 * that way. */
GTask *
ppool_reply_new_task (PPoolReply *self,
                      gboolean    is_cancellable,
                      gpointer    source_tag)
{
  GMainContext *context = g_source_get_context (g_main_current_source ());
  GTask *task;

  g_main_context_push_thread_default (context);
  task = g_task_new (self->source_object, is_cancellable ? self->cancellable : NULL,
                     self->callback, self->user_data);
  g_main_context_pop_thread_default (context);
  g_task_set_source_tag (task, source_tag);

  return task;
}
