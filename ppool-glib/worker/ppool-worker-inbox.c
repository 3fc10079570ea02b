/* ppool-worker-inbox.c: where calls wait for the thread that serves them
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-worker-internal.h"

#include "ppool-invocation-private.h"
#include "ppool-reader-private.h"
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
 * A function that is busy may learn that its call is cancelled, so somebody else reads
 * then. Few functions ask, and the others must not pay for it: one that does rouses the
 * watchdog, which has the reader start when it finds the same function on the stack at two looks in
 * turn. The reader stops by itself when it finds that function gone; to the serving thread
 * it is nothing but a short wait.
 *
 * While no function is on the stack, everything belongs to the serving thread, but for busy
 * and for what other locks guard. Meanwhile it is whose who holds the lock, which the
 * serving thread has whenever it works here, and nobody while code of the program runs. The
 * answers and so every unanswered invocation hold a reference, and may drop it long after
 * ppool_worker_run() has returned. */

#define SLICE_USEC 250

typedef struct
{
  PPoolServeFunc serve;
  gpointer user_data;    /* (unowned); outlives the source's attachment */
  PPoolAnswers *answers; /* (unowned); likewise */
  GMainLoop *loop;       /* (unowned); likewise */
  GMainContext *context; /* (owned): a late wake-up must find it */
  GThread *thread;       /* (unowned): the serving one; only to be compared */
  PPoolTimings *timings; /* (owned) */
  int fd;                /* (unowned): the channel's */
  int busy;              /* atomic */

  GMutex lock;       /* guards what follows while a function is on the stack */
  PPoolServe *calls; /* (unowned); outlives the source's attachment */
  GError *error;     /* (owned) (nullable): why it left, if that was wrong */
  gboolean is_gone;  /* the pool; nobody waits for anything any more */
  gboolean on_stack; /* a function is */
  guint n_served;    /* functions that were, up to this one */
  guint seen;        /* the one that the watchdog saw on the stack at its last look */
  guint read_beside; /* the one beside which the reader reads */

  int is_watched; /* atomic: some call wants to know whether it is cancelled */

  GMutex helpers_lock;     /* guards what follows */
  PPoolWatchdog *watchdog; /* (owned) (nullable): NULL once closed */
  PPoolReader *reader;     /* (owned) (nullable): NULL until there is need, and once closed */
} Inbox;

static void
free_inbox (gpointer data)
{
  Inbox *self = data;

  g_main_context_unref (self->context);
  ppool_timings_free (self->timings);
  g_clear_error (&self->error);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->helpers_lock);
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

/* Called in any thread, by a call that is unanswered, maybe long after the end. */
static void
watched_cb (gpointer owner)
{
  Inbox *self = owner;

  g_mutex_lock (&self->helpers_lock);
  if (self->watchdog != NULL && ppool_serve_has_cancel (self->calls))
    {
      g_atomic_int_set (&self->is_watched, TRUE);
      ppool_watchdog_rouse (self->watchdog);
    }
  g_mutex_unlock (&self->helpers_lock);
}

static gboolean
is_over (Inbox *self)
{
  return self->is_gone || self->error != NULL;
}

static gboolean
may_serve (Inbox *self)
{
  return !self->on_stack && !is_over (self) && !g_atomic_int_get (&self->busy);
}

/* There is something to be done even if nothing arrives. */
static gboolean
is_ready (Inbox *self)
{
  return ppool_answers_have_notes (self->answers) ||
         (may_serve (self) &&
          (ppool_serve_has_calls (self->calls) || ppool_serve_is_leaving (self->calls)));
}

/* With the lock held, which is open while handlers of the program run: tells the call that was
 * given out last that it is cancelled, if it is. */
static void
tell_cancelled (Inbox *self)
{
  guint64 id;

  if (!ppool_serve_take_cancelled (self->calls, &id))
    return;

  g_mutex_unlock (&self->lock);
  ppool_answers_cancel (self->answers, id);
  g_mutex_lock (&self->lock);
}

static PPoolInvocation *
make_invocation (Inbox             *self,
                 const PPoolCallId *call_id,
                 char              *name,
                 GVariant          *args,
                 gint64             now)
{
  PPoolInvocation *invocation = ppool_invocation_new (self->answers, call_id, name, args);
  const PPoolCallOptions *options = ppool_serve_get_options (self->calls);
  gint64 deadline = -1;

  if (options->timeout_msec >= 0)
    deadline = now + options->timeout_msec * G_TIME_SPAN_MILLISECOND;
  if (deadline >= 0 || options->attempt > 1)
    ppool_invocation_set_options (invocation, deadline, options->attempt);

  return invocation;
}

/* Runs a function, without the lock. */
static void
serve (Inbox           *self,
       PPoolInvocation *invocation,
       gboolean         is_short)
{
  g_atomic_int_set (&self->busy, TRUE);
  ppool_answers_set_gathering (self->answers, is_short);
  self->on_stack = TRUE;
  self->n_served++;
  g_mutex_unlock (&self->lock);

  self->serve (invocation, self->user_data);
  ppool_answers_release (self->answers);
  ppool_answers_set_gathering (self->answers, FALSE);
  g_object_unref (invocation);

  g_mutex_lock (&self->lock);
  self->on_stack = FALSE;
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
  tell_cancelled (self);
  serve (self, make_invocation (self, call_id, timing->name, args, now),
         ppool_timing_is_short (timing));
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

/* Reads once. */
static void
receive (Inbox    *self,
         gboolean *more)
{
  gboolean has_lane = ppool_serve_get_lane_fd (self->calls) >= 0;

  if (!(has_lane ? ppool_serve_receive_lane : ppool_serve_receive) (self->calls, more,
                                                                    &self->error))
    self->is_gone = TRUE;
}

/* Beside a lane, the channel has next to nothing to say. */
static void
receive_beside_lane (Inbox *self)
{
  gboolean more = TRUE;

  while (more && !is_over (self))
    self->is_gone |= !ppool_serve_receive (self->calls, &more, &self->error);
}

/* Whether there is reason to leave. */
static gboolean
inbox_is_done (Inbox *self)
{
  return is_over (self) || (may_serve (self) && ppool_serve_is_leaving (self->calls) &&
                            !ppool_serve_has_calls (self->calls));
}

/* What is there of a pool that is gone is left alone. Returns: whether there is reason to
 * leave */
static gboolean
inbox_work (Inbox        *self,
            GIOCondition  channel,
            GIOCondition  lane)
{
  gint64 end = g_get_monotonic_time () + SLICE_USEC;
  gboolean has_lane = ppool_serve_get_lane_fd (self->calls) >= 0;
  gboolean more = ((has_lane ? lane : channel) & G_IO_IN) != 0;
  gboolean go_on = TRUE;
  gboolean is_done;

  g_mutex_lock (&self->lock);
  self->is_gone |= ((channel | lane) & (G_IO_HUP | G_IO_ERR)) != 0;
  if (has_lane && (channel & G_IO_IN) != 0)
    receive_beside_lane (self);
  while (go_on && !is_over (self))
    {
      if (more)
        {
          receive (self, &more);
          tell_cancelled (self);
        }

      go_on = serve_slice (self, end) && more && may_serve (self);
    }

  ppool_answers_flush (self->answers);
  is_done = inbox_is_done (self);
  g_mutex_unlock (&self->lock);

  return is_done;
}

typedef struct
{
  GSource source;
  Inbox *inbox; /* (unowned): outlives the attachment */
  gpointer tag; /* of the channel */
  gpointer lane_tag; /* (nullable): NULL until there is one */
} InboxSource;

static GIOCondition
query_lane (InboxSource *self)
{
  return self->lane_tag != NULL ? g_source_query_unix_fd (&self->source, self->lane_tag) : 0;
}

/* It comes with a message, maybe the one behind the authentication. */
static void
add_lane (InboxSource *self)
{
  int fd = ppool_serve_get_lane_fd (self->inbox->calls);

  if (self->lane_tag == NULL && fd >= 0)
    self->lane_tag = g_source_add_unix_fd (&self->source, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
}

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

  return g_source_query_unix_fd (source, self->tag) != 0 || query_lane (self) != 0 ||
         is_ready (self->inbox);
}

static gboolean
dispatch_inbox_source (GSource     *source,
                       GSourceFunc  callback G_GNUC_UNUSED,
                       gpointer     user_data G_GNUC_UNUSED)
{
  InboxSource *self = (InboxSource *) source;

  gboolean is_done =
    inbox_work (self->inbox, g_source_query_unix_fd (source, self->tag), query_lane (self));

  add_lane (self);

  g_source_set_ready_time (source, ppool_serve_tidy (self->inbox->calls,
                                                     g_get_monotonic_time ()));
  if (is_done)
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
  g_mutex_init (&self->lock);
  g_mutex_init (&self->helpers_lock);

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
  add_lane (inbox_source);

  return source;
}

static gboolean
is_read_beside (Inbox *self)
{
  return self->on_stack && self->n_served == self->read_beside && !is_over (self);
}

/* In the reader's thread. */
static gboolean
read_beside_cb (gpointer data)
{
  Inbox *self = data;
  gboolean more = TRUE;
  gboolean go_on;

  g_mutex_lock (&self->lock);
  while (more && is_read_beside (self))
    receive (self, &more);
  go_on = is_read_beside (self);
  if (go_on)
    tell_cancelled (self);
  g_mutex_unlock (&self->lock);

  return go_on;
}

/* A worker that has no thread for it is one that does not hear. */
static void
start_reader (Inbox *self)
{
  int lane_fd = ppool_serve_get_lane_fd (self->calls);
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&self->helpers_lock);
  if (self->reader == NULL && self->watchdog != NULL)
    self->reader =
      ppool_reader_new (lane_fd >= 0 ? lane_fd : self->fd, read_beside_cb, self, &error);
  if (self->reader != NULL)
    ppool_reader_start (self->reader);
  g_mutex_unlock (&self->helpers_lock);

  if (error != NULL)
    g_debug ("A function that is busy can't be cancelled: %s", error->message);
}

/* Whether a function that wants to know takes so long that somebody else should read. The
 * lock is not waited for: as long as it is held, that is not so. */
static gboolean
look_at_function (Inbox *self)
{
  gboolean takes_long = FALSE;

  if (!g_mutex_trylock (&self->lock))
    return FALSE;

  takes_long = self->on_stack && self->seen == self->n_served;
  self->seen = self->n_served;
  if (takes_long)
    self->read_beside = self->n_served;
  if (takes_long || !self->on_stack)
    g_atomic_int_set (&self->is_watched, FALSE);
  g_mutex_unlock (&self->lock);

  return takes_long;
}

/* In the watchdog's thread. */
static void
look_cb (gpointer data)
{
  Inbox *self = data;

  ppool_answers_flush_late (self->answers);
  if (g_atomic_int_get (&self->is_watched) && look_at_function (self))
    start_reader (self);
}

static gboolean
inbox_connect (Inbox   *self,
               GError **error)
{
  PPoolWatchdog *watchdog = ppool_watchdog_new (self->fd, look_cb, self, error);

  g_mutex_lock (&self->helpers_lock);
  self->watchdog = watchdog;
  g_mutex_unlock (&self->helpers_lock);

  return watchdog != NULL && ppool_serve_connect (self->calls, error);
}

/* Until there is reason to leave. */
static void
inbox_run (Inbox *self)
{
  g_autoptr (GSource) source = inbox_make_source (self, self->fd);

  ppool_spawned_set_serving (TRUE);
  g_source_attach (source, self->context);
  g_main_loop_run (self->loop);
  g_source_destroy (source);
  ppool_answers_flush (self->answers);
  ppool_spawned_set_serving (FALSE);
}

/* The end of our own channel looks like the end of the pool's, so the watchdog
 * goes before it; and after the reader, which may be in code of the program. */
static void
inbox_close (Inbox *self)
{
  PPoolWatchdog *watchdog;
  PPoolReader *reader;

  g_mutex_lock (&self->helpers_lock);
  watchdog = g_steal_pointer (&self->watchdog);
  reader = g_steal_pointer (&self->reader);
  g_mutex_unlock (&self->helpers_lock);

  g_clear_pointer (&reader, ppool_reader_free);
  g_clear_pointer (&watchdog, ppool_watchdog_free);
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
    ppool_serve_new (fd, call_answered_cb, noted_cb, watched_cb, g_atomic_rc_box_acquire (inbox),
                     inbox_unref);
  gboolean success;

  inbox->calls = calls;
  inbox->answers = ppool_serve_get_answers (calls);
  inbox->fd = fd;
  success = inbox_connect (inbox, error);
  if (success)
    inbox_run (inbox);
  inbox_close (inbox);

  if (inbox->error == NULL)
    return success;

  g_propagate_error (error, g_steal_pointer (&inbox->error));
  return FALSE;
}
