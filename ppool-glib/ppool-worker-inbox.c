/* ppool-worker-inbox.c: where calls wait for the thread that serves them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-worker-internal.h"

#include "ppool-channel-worker-private.h"
#include "ppool-invocation-private.h"
#include "ppool-spawned-private.h"
#include "ppool-watchdog-private.h"

/* The channel leaves what the pool says in the inbox, in GDBus's I/O thread; the
 * thread that serves takes it out. A source of that thread's context is woken
 * when there is something that can be done now, so not while a call is busy:
 * then its answer wakes it, from whatever thread that comes.
 *
 * A call is busy from when it is taken until it is answered, which may be long
 * after its handler has returned. As a source that can't recurse, the inbox is
 * also quiet for as long as a function is on the stack, answered or not,
 * whatever loops that function runs.
 *
 * lock guards the fields below it, and no other lock is taken under it. The
 * others are written before the channel starts. The channel and every
 * unanswered invocation hold a reference, and may drop it long after
 * ppool_worker_run() has returned. */
typedef struct
{
  PPoolServeFunc serve;
  gpointer user_data;    /* (unowned); outlives the source's attachment */
  PPoolChannel *channel; /* (unowned); outlives the source's attachment */
  GMainLoop *loop;       /* (unowned); outlives the source's attachment */
  GMainContext *context; /* (owned): a late wake-up must find it */
  GSource *source;       /* (owned) */
  int awake;             /* atomic: there is something to be done now */

  GMutex lock;
  GQueue calls; /* (owned) (element-type PPoolInvocation) */
  PPoolTicket greeting;
  gboolean greeted; /* greeting waits for its answer */
  gboolean busy;
  gboolean leaving; /* once what was sent before is done */
  gboolean closed;  /* nobody waits for anything any more */
} Inbox;

typedef enum
{
  TASK_NONE,
  TASK_GREET,
  TASK_SERVE,
  TASK_LEAVE,
} Task;

static void
free_inbox (gpointer data)
{
  Inbox *self = data;

  g_queue_clear_full (&self->calls, g_object_unref);
  g_source_unref (self->source);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
}

static void
inbox_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, free_inbox);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Inbox, inbox_unref)

/* Called in any thread. Setting a ready time would wake the serving thread with
 * its context locked, which it then would have to wait for. */
static void
inbox_wake (Inbox *self)
{
  g_atomic_int_set (&self->awake, TRUE);
  g_main_context_wakeup (self->context);
}

/* Called in any thread, and while an invocation is finalized. */
static void
call_answered_cb (gpointer owner)
{
  Inbox *self = owner;
  gboolean wake;

  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  wake = self->leaving || !g_queue_is_empty (&self->calls);
  g_mutex_unlock (&self->lock);

  if (wake)
    inbox_wake (self);
}

/* Called in GDBus's I/O thread. */
static void
inbox_add_call (Inbox                   *self,
                PPoolChannel            *channel,
                const PPoolChannelEvent *event)
{
  PPoolInvocation *invocation;
  gboolean wake;

  invocation = ppool_invocation_new (channel, &event->ticket, event->function,
                                     event->value, call_answered_cb,
                                     g_atomic_rc_box_acquire (self), inbox_unref);

  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->calls, invocation);
  wake = !self->busy;
  g_mutex_unlock (&self->lock);

  if (wake)
    inbox_wake (self);
}

/* Called in GDBus's I/O thread, at the end maybe in the serving one. */
static void
channel_event_cb (PPoolChannel            *channel,
                  const PPoolChannelEvent *event,
                  gpointer                 owner)
{
  Inbox *self = owner;

  if (event->type == PPOOL_CHANNEL_CALL ||
      (event->type == PPOOL_CHANNEL_INITIALIZE && event->function != NULL))
    {
      inbox_add_call (self, channel, event);
      return;
    }

  g_mutex_lock (&self->lock);
  if (event->type == PPOOL_CHANNEL_INITIALIZE)
    {
      self->greeting = event->ticket;
      self->greeted = TRUE;
    }
  else if (event->type == PPOOL_CHANNEL_EXIT)
    self->leaving = TRUE;
  else if (event->type == PPOOL_CHANNEL_DRAINED)
    self->closed = TRUE;
  g_mutex_unlock (&self->lock);

  inbox_wake (self);
}

static Task
inbox_take (Inbox            *self,
            PPoolInvocation **invocation,
            PPoolTicket      *greeting)
{
  Task task = TASK_NONE;

  g_mutex_lock (&self->lock);
  if (self->closed)
    task = TASK_LEAVE;
  else if (self->greeted)
    {
      task = TASK_GREET;
      *greeting = self->greeting;
      self->greeted = FALSE;
    }
  else if (!self->busy && !g_queue_is_empty (&self->calls))
    {
      task = TASK_SERVE;
      *invocation = g_queue_pop_head (&self->calls);
      self->busy = TRUE;
    }
  else if (!self->busy && self->leaving)
    task = TASK_LEAVE;
  g_mutex_unlock (&self->lock);

  return task;
}

/* One call a dispatch: the program's own sources have their turn between two. */
static gboolean
inbox_ready_cb (gpointer user_data)
{
  Inbox *self = user_data;
  g_autoptr (PPoolInvocation) invocation = NULL;
  PPoolTicket greeting;
  Task task;

  /* Calls that were taken back are passed over. */
  while ((task = inbox_take (self, &invocation, &greeting)) == TASK_GREET ||
         (task == TASK_SERVE && !ppool_invocation_take (invocation)))
    {
      if (task == TASK_GREET)
        ppool_channel_return_info (self->channel, &greeting);
      g_clear_object (&invocation);
    }

  if (task == TASK_SERVE)
    self->serve (invocation, self->user_data);
  else if (task == TASK_LEAVE)
    g_main_loop_quit (self->loop);

  return G_SOURCE_CONTINUE;
}

typedef struct
{
  GSource source;
  Inbox *inbox; /* (unowned): outlives the attachment */
} InboxSource;

static gboolean
check_inbox_source (GSource *source)
{
  return g_atomic_int_get (&((InboxSource *) source)->inbox->awake);
}

static gboolean
prepare_inbox_source (GSource *source,
                      int     *timeout)
{
  *timeout = -1;

  return check_inbox_source (source);
}

static gboolean
dispatch_inbox_source (GSource     *source,
                       GSourceFunc  callback,
                       gpointer     user_data)
{
  g_atomic_int_set (&((InboxSource *) source)->inbox->awake, FALSE);

  return callback (user_data);
}

static GSourceFuncs inbox_source_funcs = {
  .prepare = prepare_inbox_source,
  .check = check_inbox_source,
  .dispatch = dispatch_inbox_source,
};

static Inbox *
inbox_new (GMainLoop      *loop,
           PPoolServeFunc  serve,
           gpointer        user_data)
{
  Inbox *self = g_atomic_rc_box_new0 (Inbox);

  self->serve = serve;
  self->user_data = user_data;
  self->loop = loop;
  self->context = g_main_context_ref (g_main_loop_get_context (loop));
  g_mutex_init (&self->lock);
  g_queue_init (&self->calls);

  self->source = g_source_new (&inbox_source_funcs, sizeof (InboxSource));
  ((InboxSource *) self->source)->inbox = self;
  g_source_set_static_name (self->source, "[ppool] worker inbox");
  g_source_set_callback (self->source, inbox_ready_cb, self, NULL);
  g_source_attach (self->source, self->context);

  return self;
}

static gboolean
inbox_is_closed (Inbox *self)
{
  gboolean closed;

  g_mutex_lock (&self->lock);
  closed = self->closed;
  g_mutex_unlock (&self->lock);

  return closed;
}

/* What waits unserved has no caller left, or came after the pool said that
 * nothing would. */
static void
inbox_discard (Inbox *self)
{
  GQueue calls = G_QUEUE_INIT;

  g_source_destroy (self->source);

  g_mutex_lock (&self->lock);
  calls = self->calls;
  g_queue_init (&self->calls);
  g_mutex_unlock (&self->lock);

  g_queue_clear_full (&calls, g_object_unref);
}

/* The end of our own channel looks like the end of the pool's, so the watchdog
 * goes before it, and not before everything was sent: only a pool that is gone
 * can keep us from that, and then the watchdog helps. */
static void
leave (Inbox         *inbox,
       PPoolChannel  *channel,
       PPoolWatchdog *watchdog)
{
  ppool_channel_flush (channel);
  ppool_watchdog_free (watchdog);

  ppool_channel_shut (channel);
  while (!inbox_is_closed (inbox))
    g_main_context_iteration (inbox->context, TRUE);
  inbox_discard (inbox);
}

/* Connects the channel at @fd, which it takes, and has every call served by
 * @serve in @context, one at a time, until there is reason to leave. */
gboolean
ppool_worker_serve_channel (int              fd,
                            GMainContext    *context,
                            PPoolServeFunc   serve,
                            gpointer         user_data,
                            GError         **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (Inbox) inbox = inbox_new (loop, serve, user_data);
  g_autoptr (PPoolWatchdog) watchdog = ppool_watchdog_new (fd, error);
  g_autoptr (PPoolChannel) channel = NULL;

  channel = ppool_channel_new (fd, PPOOL_CHANNEL_SIDE_WORKER, channel_event_cb,
                               g_atomic_rc_box_acquire (inbox), inbox_unref);
  inbox->channel = channel;

  if (watchdog == NULL || !ppool_channel_connect (channel, NULL, error))
    {
      g_clear_pointer (&watchdog, ppool_watchdog_free);
      g_source_destroy (inbox->source);
      ppool_channel_close (channel);
      return FALSE;
    }

  ppool_spawned_set_serving (TRUE);
  ppool_channel_start (channel);
  g_main_loop_run (loop);
  leave (inbox, channel, g_steal_pointer (&watchdog));
  ppool_channel_close (channel);
  ppool_spawned_set_serving (FALSE);

  return TRUE;
}
