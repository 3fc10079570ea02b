/* ppool-worker-inbox.c: where calls wait for the thread that serves them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-worker-internal.h"

#include "ppool-invocation-private.h"
#include "ppool-serve-private.h"
#include "ppool-spawned-private.h"
#include "ppool-timings-private.h"
#include "ppool-watchdog-private.h"

/* A source of the serving thread's context reads what the pool sends and runs
 * calls: as many as fit in a slice of time, and then the program's own sources
 * have their turn.
 *
 * A call is busy from when it is taken until it is answered, which may be long
 * after its handler has returned, and no other runs meanwhile; nor does one as
 * long as a function is on the stack, answered or not, whatever loops that
 * function runs. The source still reads then, if only to see the end: GLib has
 * sources that are quiet meanwhile, but to block one and unblock it, at each
 * dispatch, wakes the context once more.
 *
 * Everything belongs to the serving thread, but for busy. The answers and so
 * every unanswered invocation hold a reference, and may drop it long after
 * ppool_worker_run() has returned. */

#define SLICE_USEC 250

typedef struct
{
  PPoolServeFunc serve;
  gpointer user_data;      /* (unowned); outlives the source's attachment */
  PPoolServe *calls;       /* (unowned); outlives the source's attachment */
  PPoolAnswers *answers;   /* (unowned); likewise */
  GMainLoop *loop;         /* (unowned); outlives the source's attachment */
  GMainContext *context;   /* (owned): a late wake-up must find it */
  GThread *thread;         /* (unowned): the serving one; only to be compared */
  PPoolWatchdog *watchdog; /* (owned) (nullable): NULL once closed */
  PPoolTimings *timings;   /* (owned) */
  GError *error;           /* (owned) (nullable): why it left, if that was wrong */
  gboolean is_gone;        /* the pool; nobody waits for anything any more */
  gboolean on_stack;       /* a function is */
  int busy;                /* atomic */
} Inbox;

static void
free_inbox (gpointer data)
{
  Inbox *self = data;

  g_main_context_unref (self->context);
  ppool_timings_free (self->timings);
  g_clear_error (&self->error);
}

static void
inbox_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, free_inbox);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Inbox, inbox_unref)

/* Called in any thread, and while an invocation is finalized. The serving thread
 * looks by itself before it waits. */
static void
call_answered_cb (gpointer owner)
{
  Inbox *self = owner;

  g_atomic_int_set (&self->busy, FALSE);
  if (g_thread_self () != self->thread)
    g_main_context_wakeup (self->context);
}

/* Called in any thread, and wherever a value may be released. */
static void
noted_cb (gpointer owner)
{
  Inbox *self = owner;

  if (g_thread_self () != self->thread)
    g_main_context_wakeup (self->context);
}

static gboolean
is_over (Inbox *self)
{
  return self->is_gone || self->error != NULL;
}

static gboolean
may_serve (Inbox *self)
{
  return !is_over (self) && !self->on_stack && !g_atomic_int_get (&self->busy);
}

/* There is something to be done even if nothing arrives. */
static gboolean
is_ready (Inbox *self)
{
  return ppool_answers_have_notes (self->answers) ||
         (may_serve (self) &&
          (ppool_serve_has_calls (self->calls) || ppool_serve_is_leaving (self->calls)));
}

static void
serve (Inbox             *self,
       const PPoolCallId *call_id,
       PPoolTiming       *timing,
       GVariant          *args)
{
  g_autoptr (PPoolInvocation) invocation = ppool_invocation_new (self->answers, call_id,
                                                                 timing->name, args);

  g_atomic_int_set (&self->busy, TRUE);
  ppool_answers_set_gathering (self->answers, ppool_timing_is_short (timing));
  self->on_stack = TRUE;
  self->serve (invocation, self->user_data);
  self->on_stack = FALSE;
  ppool_answers_release (self->answers);
  ppool_answers_set_gathering (self->answers, FALSE);
}

/* What was gathered does not wait for a function that may take long, nor for one
 * that does so for once. A call that was taken back is passed over. Returns: the
 * time when it is over */
static gint64
serve_next (Inbox             *self,
            const PPoolCallId *call_id,
            const char        *function,
            gint64             now)
{
  PPoolTiming *timing = ppool_timings_find (self->timings, function);
  GVariant *args;
  gint64 end;

  if (!ppool_timing_is_short (timing))
    {
      ppool_answers_flush (self->answers);
      now = g_get_monotonic_time ();
    }

  if (!ppool_serve_take (self->calls, call_id, now))
    return now;

  args = ppool_serve_load (self->calls);
  if (args == NULL)
    return now;

  if (ppool_answers_have_results (self->answers))
    ppool_watchdog_rouse (self->watchdog);
  serve (self, call_id, timing, args);
  end = g_get_monotonic_time ();
  ppool_timing_note (timing, end - now);

  return end;
}

/* Returns: whether there is time left. */
static gboolean
serve_slice (Inbox  *self,
             gint64  end)
{
  gint64 now = g_get_monotonic_time ();
  const char *function;
  PPoolCallId call_id;

  while (may_serve (self) && now < end &&
         ppool_serve_next (self->calls, &call_id, &function, &self->error))
    now = serve_next (self, &call_id, function, now);

  return now < end;
}

/* What is there of a pool that is gone is left alone. */
static void
inbox_work (Inbox        *self,
            GIOCondition  condition)
{
  gint64 end = g_get_monotonic_time () + SLICE_USEC;
  gboolean more = (condition & G_IO_IN) != 0;
  gboolean go_on = TRUE;

  self->is_gone |= (condition & (G_IO_HUP | G_IO_ERR)) != 0;
  while (go_on && !is_over (self))
    {
      if (more && !ppool_serve_receive (self->calls, &more, &self->error))
        self->is_gone = TRUE;

      go_on = serve_slice (self, end) && more && may_serve (self);
    }

  ppool_answers_flush (self->answers);
}

/* Whether there is reason to leave. */
static gboolean
inbox_is_done (Inbox *self)
{
  return is_over (self) || (may_serve (self) && ppool_serve_is_leaving (self->calls) &&
                            !ppool_serve_has_calls (self->calls));
}

typedef struct
{
  GSource source;
  Inbox *inbox; /* (unowned): outlives the attachment */
  gpointer tag; /* of the channel */
} InboxSource;

static gboolean
prepare_inbox_source (GSource *source,
                      int     *timeout)
{
  *timeout = -1;

  return is_ready (((InboxSource *) source)->inbox);
}

static gboolean
check_inbox_source (GSource *source)
{
  InboxSource *self = (InboxSource *) source;

  return g_source_query_unix_fd (source, self->tag) != 0 || is_ready (self->inbox);
}

static gboolean
dispatch_inbox_source (GSource     *source,
                       GSourceFunc  callback G_GNUC_UNUSED,
                       gpointer     user_data G_GNUC_UNUSED)
{
  InboxSource *self = (InboxSource *) source;

  inbox_work (self->inbox, g_source_query_unix_fd (source, self->tag));
  g_source_set_ready_time (source, ppool_serve_tidy (self->inbox->calls,
                                                     g_get_monotonic_time ()));
  if (inbox_is_done (self->inbox))
    g_main_loop_quit (self->inbox->loop);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs inbox_source_funcs = {
  .prepare = prepare_inbox_source,
  .check = check_inbox_source,
  .dispatch = dispatch_inbox_source,
};

static Inbox *
inbox_new (GMainLoop      *loop,
           PPoolServeFunc  serve_func,
           gpointer        user_data)
{
  Inbox *self = g_atomic_rc_box_new0 (Inbox);

  self->serve = serve_func;
  self->user_data = user_data;
  self->loop = loop;
  self->context = g_main_context_ref (g_main_loop_get_context (loop));
  self->thread = g_thread_self ();
  self->timings = ppool_timings_new ();

  return self;
}

static GSource *
inbox_make_source (Inbox *self,
                   int    fd)
{
  GSource *source = g_source_new (&inbox_source_funcs, sizeof (InboxSource));
  InboxSource *inbox_source = (InboxSource *) source;

  g_source_set_static_name (source, "[ppool] worker inbox");
  g_source_set_can_recurse (source, TRUE);
  inbox_source->inbox = self;
  inbox_source->tag = g_source_add_unix_fd (source, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);

  return source;
}

static void
look_cb (gpointer data)
{
  ppool_answers_flush_late (data);
}

static gboolean
inbox_connect (Inbox   *self,
               int      fd,
               GError **error)
{
  self->watchdog = ppool_watchdog_new (fd, look_cb, self->answers, error);

  return self->watchdog != NULL && ppool_serve_connect (self->calls, error);
}

/* Until there is reason to leave. */
static void
inbox_run (Inbox *self,
           int    fd)
{
  g_autoptr (GSource) source = inbox_make_source (self, fd);

  ppool_spawned_set_serving (TRUE);
  g_source_attach (source, self->context);
  g_main_loop_run (self->loop);
  g_source_destroy (source);
  ppool_answers_flush (self->answers);
  ppool_spawned_set_serving (FALSE);
}

/* The end of our own channel looks like the end of the pool's, so the watchdog
 * goes before it. */
static void
inbox_close (Inbox *self)
{
  g_clear_pointer (&self->watchdog, ppool_watchdog_free);
  ppool_serve_close (self->calls);
}

/* Connects the channel at @fd, which it takes, and has every call served by
 * @serve in @context, one at a time, until there is reason to leave. */
gboolean
ppool_worker_serve_channel (int              fd,
                            GMainContext    *context,
                            PPoolServeFunc   serve_func,
                            gpointer         user_data,
                            GError         **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (Inbox) inbox = inbox_new (loop, serve_func, user_data);
  g_autoptr (PPoolServe) calls =
    ppool_serve_new (fd, call_answered_cb, noted_cb, g_atomic_rc_box_acquire (inbox), inbox_unref);
  gboolean success;

  inbox->calls = calls;
  inbox->answers = ppool_serve_get_answers (calls);
  success = inbox_connect (inbox, fd, error);
  if (success)
    inbox_run (inbox, fd);
  inbox_close (inbox);

  if (inbox->error == NULL)
    return success;

  g_propagate_error (error, g_steal_pointer (&inbox->error));
  return FALSE;
}
