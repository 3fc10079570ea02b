/* ppool-manager.c: a thread with a main context, and timers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-manager-private.h"

#include "ppool-error.h"
#include "ppool-spare-private.h"

/* What a main context opens, at most. */
#define N_SPARE_FDS 2

/* The manager's thread runs what is posted to it, in order, and what is due. It
 * blocks all signals from its first instruction, as they are the application's.
 * It ends itself, and is joined only by somebody who waits for that; when nobody
 * does, the last reference lets it go.
 *
 * Workers are started here and the thread outlives them: the parent-death
 * signal of a process follows the thread that started it. */

typedef struct
{
  PPoolManagerFunc func;
  gpointer data;
} Post;

struct _PPoolManager
{
  GMainContext *context;  /* (owned) (nullable); the thread releases it at its end */
  PPoolManagerFunc ended; /* the last thing that the thread does */
  gpointer ended_data;
  gboolean ending; /* in the manager's thread, as the next */
  PPoolIo *io;     /* (owned) (nullable): NULL until it is needed, and if it can't be had */

  GMutex lock;     /* guards what follows */
  GCond gone;
  GThread *thread; /* (owned) (nullable); NULL once somebody joins it */
  gboolean is_gone;
  GSource *wakeup; /* (owned) (nullable); NULL once the thread looks no more */
  gint64 wakeup_time; /* when it is ready; G_MAXINT64 is never */
  GArray *posts;   /* (owned) (element-type Post) */
  GPtrArray *heap; /* (owned) (element-type PPoolTimer); place 0 is unused */
};

typedef struct
{
  GSource source;
  PPoolManager *manager; /* (unowned): its thread holds it */
} WakeupSource;

static void
free_manager (gpointer data)
{
  PPoolManager *self = data;

  g_clear_pointer (&self->thread, g_thread_unref);
  g_clear_pointer (&self->wakeup, g_source_unref);
  g_clear_pointer (&self->posts, g_array_unref);
  g_clear_pointer (&self->heap, g_ptr_array_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_cond_clear (&self->gone);
  g_mutex_clear (&self->lock);
}

PPoolManager *
ppool_manager_ref (PPoolManager *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
ppool_manager_unref (PPoolManager *self)
{
  g_atomic_rc_box_release_full (self, free_manager);
}

/* The heap */

static PPoolTimer *
timer_at (PPoolManager *self,
          guint         place)
{
  return g_ptr_array_index (self->heap, place);
}

static void
put_timer (PPoolManager *self,
           guint         place,
           PPoolTimer   *timer)
{
  g_ptr_array_index (self->heap, place) = timer;
  timer->place = place;
}

static void
sift_up (PPoolManager *self,
         guint         place)
{
  PPoolTimer *timer = timer_at (self, place);

  for (; place > 1 && timer_at (self, place / 2)->due > timer->due; place /= 2)
    put_timer (self, place, timer_at (self, place / 2));
  put_timer (self, place, timer);
}

static void
sift_down (PPoolManager *self,
           guint         place)
{
  PPoolTimer *timer = timer_at (self, place);
  guint child;

  for (; (child = 2 * place) < self->heap->len; place = child)
    {
      if (child + 1 < self->heap->len &&
          timer_at (self, child + 1)->due < timer_at (self, child)->due)
        child++;
      if (timer_at (self, child)->due >= timer->due)
        break;
      put_timer (self, place, timer_at (self, child));
    }
  put_timer (self, place, timer);
}

static void
remove_timer (PPoolManager *self,
              PPoolTimer   *timer)
{
  guint place = timer->place;
  PPoolTimer *last = timer_at (self, self->heap->len - 1);

  g_ptr_array_set_size (self->heap, (int) self->heap->len - 1);
  timer->place = 0;
  if (last != timer)
    {
      put_timer (self, place, last);
      sift_up (self, place);
      sift_down (self, last->place);
    }
}

/* With the lock held. */
static void
set_wakeup_time (PPoolManager *self,
                 gint64        time)
{
  if (self->wakeup == NULL)
    return;

  self->wakeup_time = time;
  g_source_set_ready_time (self->wakeup, time == G_MAXINT64 ? -1 : time);
}

/* With the lock held. The thread may wake up for a timer that was disarmed, but is not woken
 * for one that is due after the next time that it wakes up: calls with a time limit would
 * cost two system calls more, each. */
static void
wake_by (PPoolManager *self,
         gint64        time)
{
  if (time < self->wakeup_time)
    set_wakeup_time (self, time);
}

/* The thread */

static PPoolTimer
take_due_timer (PPoolManager *self)
{
  PPoolTimer due = { 0 };

  g_mutex_lock (&self->lock);
  if (self->heap->len > 1 && timer_at (self, 1)->due <= g_get_monotonic_time ())
    {
      due = *timer_at (self, 1);
      remove_timer (self, timer_at (self, 1));
    }
  g_mutex_unlock (&self->lock);

  return due;
}

static void
run_posts (PPoolManager *self)
{
  g_autoptr (GArray) posts = NULL;

  g_mutex_lock (&self->lock);
  posts = g_steal_pointer (&self->posts);
  self->posts = g_array_new (FALSE, FALSE, sizeof (Post));
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < posts->len; i++)
    {
      const Post *post = &g_array_index (posts, Post, i);

      post->func (post->data);
    }
}

static gboolean
dispatch_wakeup (GSource     *source,
                 GSourceFunc  callback G_GNUC_UNUSED,
                 gpointer     user_data G_GNUC_UNUSED)
{
  PPoolManager *self = ((WakeupSource *) source)->manager;
  PPoolTimer timer;

  run_posts (self);
  while ((timer = take_due_timer (self)).func != NULL)
    timer.func (timer.data);

  g_mutex_lock (&self->lock);
  if (self->posts->len > 0)
    set_wakeup_time (self, 0);
  else if (self->heap->len > 1)
    set_wakeup_time (self, timer_at (self, 1)->due);
  else
    set_wakeup_time (self, G_MAXINT64);
  g_mutex_unlock (&self->lock);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs wakeup_funcs = { .dispatch = dispatch_wakeup };

/* It has a descriptor, which is to be closed when a waiting shutdown returns, and
 * the manager lives as long as the executor does. */
static void
release_context (PPoolManager *self)
{
  g_autoptr (GSource) wakeup = NULL;

  g_mutex_lock (&self->lock);
  wakeup = g_steal_pointer (&self->wakeup);
  g_mutex_unlock (&self->lock);

  g_source_destroy (wakeup);
  g_clear_pointer (&self->context, g_main_context_unref);
}

static gpointer
run_manager (gpointer data)
{
  g_autoptr (PPoolManager) self = data;

  g_main_context_push_thread_default (self->context);
  while (!self->ending)
    g_main_context_iteration (self->context, TRUE);
  /* What was announced before the end is still to be released. */
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->io, ppool_io_free);
  release_context (self);

  self->ended (self->ended_data);
  /* What came too late for the loop has references of its own. */
  run_posts (self);

  return NULL;
}

static PPoolManager *
make_manager (PPoolManagerFunc ended,
              gpointer         data)
{
  PPoolManager *self = g_atomic_rc_box_new0 (PPoolManager);

  self->context = g_main_context_new ();
  self->ended = ended;
  self->ended_data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->gone);
  self->posts = g_array_new (FALSE, FALSE, sizeof (Post));
  self->heap = g_ptr_array_new ();
  g_ptr_array_add (self->heap, NULL);

  self->wakeup_time = G_MAXINT64;
  self->wakeup = g_source_new (&wakeup_funcs, sizeof (WakeupSource));
  ((WakeupSource *) self->wakeup)->manager = self;
  g_source_set_static_name (self->wakeup, "[ppool] manager");
  g_source_attach (self->wakeup, self->context);

  return self;
}

/* @ended is called in the new thread as the last thing that it does. */
PPoolManager *
ppool_manager_new (PPoolManagerFunc   ended,
                   gpointer           data,
                   GError           **error)
{
  g_autoptr (PPoolManager) self = NULL;
  int code = ppool_spare_check_descriptors (N_SPARE_FDS);

  if (code != 0)
    {
      g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_SYSTEM_LIMIT,
                   "no file descriptor can be opened (%s)", g_strerror (code));
      return NULL;
    }

  self = make_manager (ended, data);
  self->thread =
    ppool_spare_new_thread ("ppool-manager", run_manager, ppool_manager_ref (self), error);
  if (self->thread == NULL)
    {
      release_context (self);
      ppool_manager_unref (self);
      return NULL;
    }

  return g_steal_pointer (&self);
}

/* To be called in the manager's thread. */
GMainContext *
ppool_manager_get_context (PPoolManager *self)
{
  return self->context;
}

/* Returns: (nullable): what reads lanes, as long as the manager's thread lives. To be called
 * in that. */
PPoolIo *
ppool_manager_get_io (PPoolManager *self)
{
  g_autoptr (GError) error = NULL;

  if (self->io == NULL)
    self->io = ppool_io_new (&error);
  if (self->io == NULL)
    g_debug ("Workers have no lanes: %s", error->message);

  return self->io;
}

/* Has @func called in the manager's thread, after what was posted before. */
void
ppool_manager_post (PPoolManager     *self,
                    PPoolManagerFunc  func,
                    gpointer          data)
{
  const Post post = { func, data };

  g_mutex_lock (&self->lock);
  g_array_append_val (self->posts, post);
  wake_by (self, 0);
  g_mutex_unlock (&self->lock);
}

/* Has @func called in the manager's thread in @msec milliseconds; a timer that
 * was armed before is moved. */
void
ppool_manager_arm (PPoolManager     *self,
                   PPoolTimer       *timer,
                   guint             msec,
                   PPoolManagerFunc  func,
                   gpointer          data)
{
  g_mutex_lock (&self->lock);
  if (timer->place != 0)
    remove_timer (self, timer);
  timer->due = g_get_monotonic_time () + (gint64) msec * G_TIME_SPAN_MILLISECOND;
  timer->func = func;
  timer->data = data;
  g_ptr_array_add (self->heap, timer);
  timer->place = self->heap->len - 1;
  sift_up (self, timer->place);
  wake_by (self, timer->due);
  g_mutex_unlock (&self->lock);
}

/* Returns: whether it was armed; if not, @func was called or is about to be */
gboolean
ppool_manager_disarm (PPoolManager *self,
                      PPoolTimer   *timer)
{
  gboolean was_armed;

  g_mutex_lock (&self->lock);
  was_armed = timer->place != 0;
  if (was_armed)
    remove_timer (self, timer);
  g_mutex_unlock (&self->lock);

  return was_armed;
}

/* To be called in the manager's thread. */
void
ppool_manager_end (PPoolManager *self)
{
  self->ending = TRUE;
}

/* Waits until the thread is gone; several may wait. */
void
ppool_manager_join (PPoolManager *self)
{
  GThread *thread;

  g_mutex_lock (&self->lock);
  thread = g_steal_pointer (&self->thread);
  while (thread == NULL && !self->is_gone)
    g_cond_wait (&self->gone, &self->lock);
  g_mutex_unlock (&self->lock);

  if (thread == NULL)
    return;

  g_thread_join (thread);

  g_mutex_lock (&self->lock);
  self->is_gone = TRUE;
  g_cond_broadcast (&self->gone);
  g_mutex_unlock (&self->lock);
}
