/* ppool-notifier.c: tells an object's context that it has changed, not too often
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-notifier-private.h"

#include "ppool-fork-private.h"

/* One source in the context where the object was made. It is poked from any
 * thread and calls at once for what is urgent, and for everything at most once
 * in an interval. The object is held only while it is called, in its own
 * context.
 *
 * As with completions, nothing here holds the context: when that is freed, the
 * source goes first, which waits for the lock. */

struct _PPoolNotifier
{
  GWeakRef object;
  PPoolNotifierFunc func;
  gint64 interval; /* in microseconds */
  gsize home;      /* the number of the thread that made it */
  pid_t pid;       /* in a forked copy, nothing is touched */
  int is_due;      /* atomic */

  GMutex lock;        /* guards what follows */
  GSource *source;    /* (owned) (nullable): NULL once it is destroyed */
  GObject *listener;  /* (unowned) (nullable): the object, until that is being finalized */
  gboolean is_urgent;
  gint64 last_call;   /* for everything; monotonic */
};

typedef struct
{
  GSource source;
  PPoolNotifier *notifier; /* (unowned): the callback data has the reference */
} NotifierSource;

PPoolNotifier *
ppool_notifier_ref (PPoolNotifier *self)
{
  return g_atomic_rc_box_acquire (self);
}

static gboolean
is_foreign (PPoolNotifier *self)
{
  return self->pid != ppool_fork_get_pid ();
}

static void
free_notifier (gpointer data)
{
  PPoolNotifier *self = data;

  g_assert (self->source == NULL);

  g_weak_ref_clear (&self->object);
  g_mutex_clear (&self->lock);
}

void
ppool_notifier_unref (PPoolNotifier *self)
{
  g_atomic_rc_box_release_full (self, free_notifier);
}

/* With the lock held. */
static void
set_ready_time (PPoolNotifier *self)
{
  gint64 ready_time = -1;

  if (self->is_urgent)
    ready_time = 0;
  else if (g_atomic_int_get (&self->is_due))
    ready_time = self->last_call + self->interval;

  if (self->source != NULL)
    g_source_set_ready_time (self->source, ready_time);
}

/* Returns: whether everything is to be told. */
static gboolean
begin_call (PPoolNotifier *self)
{
  gboolean all;

  g_mutex_lock (&self->lock);
  all = g_atomic_int_get (&self->is_due) &&
        g_get_monotonic_time () >= self->last_call + self->interval;
  if (all)
    g_atomic_int_set (&self->is_due, FALSE);
  self->is_urgent = FALSE;
  set_ready_time (self);
  g_mutex_unlock (&self->lock);

  return all;
}

static gboolean
dispatch_notifier (GSource     *source,
                   GSourceFunc  callback G_GNUC_UNUSED,
                   gpointer     user_data G_GNUC_UNUSED)
{
  g_autoptr (PPoolNotifier) self = ppool_notifier_ref (((NotifierSource *) source)->notifier);
  g_autoptr (GObject) object = NULL;
  gboolean all;

  if (is_foreign (self))
    return G_SOURCE_REMOVE;

  object = g_weak_ref_get (&self->object);
  all = begin_call (self);
  if (object == NULL)
    return G_SOURCE_CONTINUE;

  self->func (object, all);

  /* From the end of one to the beginning of the next. */
  if (all)
    {
      g_mutex_lock (&self->lock);
      self->last_call = g_get_monotonic_time ();
      set_ready_time (self);
      g_mutex_unlock (&self->lock);
    }

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs notifier_source_funcs = { .dispatch = dispatch_notifier };

static void
source_gone (gpointer data)
{
  PPoolNotifier *self = data;
  GSource *source;

  if (is_foreign (self))
    return;

  g_mutex_lock (&self->lock);
  source = g_steal_pointer (&self->source);
  g_mutex_unlock (&self->lock);

  g_source_unref (source);
  ppool_notifier_unref (self);
}

/* Unlike the address of a GThread, that of a thread which has ended is not given to
 * another one. */
static gsize
get_thread_number (void)
{
  static _Thread_local gsize number;
  static gsize last_number; /* atomic */

  if (number == 0)
    number = (gsize) g_atomic_pointer_add (&last_number, 1) + 1;

  return number;
}

/* Makes a notifier in the thread-default context of the caller. */
PPoolNotifier *
ppool_notifier_new (GObject           *object,
                    guint              interval_msec,
                    PPoolNotifierFunc  func)
{
  PPoolNotifier *self = g_atomic_rc_box_new0 (PPoolNotifier);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_weak_ref_init (&self->object, object);
  self->interval = interval_msec * G_TIME_SPAN_MILLISECOND;
  self->func = func;
  self->listener = object;
  self->home = get_thread_number ();
  self->pid = ppool_fork_get_pid ();
  g_mutex_init (&self->lock);

  self->source = g_source_new (&notifier_source_funcs, sizeof (NotifierSource));
  ((NotifierSource *) self->source)->notifier = self;
  g_source_set_static_name (self->source, "[ppool] notifier");
  g_source_set_callback (self->source, NULL, ppool_notifier_ref (self), source_gone);
  g_source_attach (self->source, context);

  return self;
}

/* Tells whether the caller is in the thread where the notifier was made. */
gboolean
ppool_notifier_is_at_home (PPoolNotifier *self)
{
  return self->home == get_thread_number ();
}

/* Tells whether the function is to be called for everything soon anyway. */
gboolean
ppool_notifier_is_due (PPoolNotifier *self)
{
  return g_atomic_int_get (&self->is_due);
}

/* Tells whether the function would be called, and something is connected to one of these
 * signals of the object. No reference is taken for that: it could become the last one, in a
 * thread where the object must not end. */
gboolean
ppool_notifier_is_heard (PPoolNotifier *self,
                         const guint   *signals,
                         guint          n_signals)
{
  gboolean is_heard = FALSE;

  if (is_foreign (self))
    return FALSE;

  g_mutex_lock (&self->lock);
  for (guint i = 0; self->source != NULL && self->listener != NULL && i < n_signals; i++)
    is_heard |= g_signal_has_handler_pending (self->listener, signals[i], 0, TRUE);
  g_mutex_unlock (&self->lock);

  return is_heard;
}

/* Has the function called for everything soon, and before that, for what is
 * urgent, @now. */
void
ppool_notifier_poke (PPoolNotifier *self,
                     gboolean       now)
{
  if (is_foreign (self) || (!now && g_atomic_int_get (&self->is_due)))
    return;

  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->is_due, TRUE);
  self->is_urgent |= now;
  set_ready_time (self);
  g_mutex_unlock (&self->lock);
}

/* Has nothing called any more. The object may be gone afterwards. */
void
ppool_notifier_end (PPoolNotifier *self)
{
  g_autoptr (PPoolNotifier) held G_GNUC_UNUSED = ppool_notifier_ref (self);
  g_autoptr (GSource) source = NULL;

  if (is_foreign (self))
    return;

  g_mutex_lock (&self->lock);
  self->listener = NULL;
  source = self->source != NULL ? g_source_ref (self->source) : NULL;
  g_mutex_unlock (&self->lock);

  if (source != NULL)
    g_source_destroy (source);
}
