/* notify-test.c: what an executor tells of its changes, where, and how often
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "busy.h"

#include <signal.h>

#define INTERVAL_USEC (100 * G_TIME_SPAN_MILLISECOND)

#define N_ATTEMPTS 10

static const char * const counts[] = { "n-workers", "n-pending", "n-running" };

/* What was told, in a context of its own in a thread of its own, and what is
 * last known there. */
typedef struct
{
  PPoolExecutor *executor; /* (owned) (nullable) */
  GMainContext *context;   /* (owned) */
  GMainLoop *loop;         /* (owned) */
  GThread *thread;         /* (owned) */
  GAsyncQueue *made;       /* (owned): the thread has made the executor */

  GMutex lock;             /* guards what follows */
  GHashTable *told;        /* (owned): how often each name was told */
  gint64 last[G_N_ELEMENTS (counts)];
  gint64 shortest;         /* between two of the same count */
  PPoolExecutorState state;
  guint n_workers;
} Listener;

static void
note_count (Listener   *self,
            const char *name)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    if (g_str_equal (counts[i], name))
      {
        if (self->last[i] != 0)
          self->shortest = MIN (self->shortest, now - self->last[i]);
        self->last[i] = now;
      }
}

static void
notify_cb (GObject    *object,
           GParamSpec *pspec,
           gpointer    user_data)
{
  Listener *self = user_data;
  guint n;

  g_assert_true (g_main_context_is_owner (self->context));

  g_mutex_lock (&self->lock);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->told, pspec->name));
  g_hash_table_insert (self->told, (gpointer) pspec->name, GUINT_TO_POINTER (n + 1));
  note_count (self, pspec->name);
  self->state = ppool_executor_get_state (PPOOL_EXECUTOR (object));
  self->n_workers = ppool_executor_get_n_workers (PPOOL_EXECUTOR (object));
  g_mutex_unlock (&self->lock);
}

static gpointer
listen_thread (gpointer user_data)
{
  Listener *self = user_data;

  g_main_context_push_thread_default (self->context);
  self->executor = harness_executor (2);
  g_signal_connect (self->executor, "notify", G_CALLBACK (notify_cb), self);
  g_async_queue_push (self->made, self);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);

  return NULL;
}

static void
listener_init (Listener *self)
{
  *self = (Listener){ .context = g_main_context_new (), .shortest = G_MAXINT64 };
  self->loop = g_main_loop_new (self->context, FALSE);
  self->told = g_hash_table_new (g_str_hash, g_str_equal);
  self->made = g_async_queue_new ();
  g_mutex_init (&self->lock);
  self->thread = g_thread_new ("listener", listen_thread, self);
  g_async_queue_pop (self->made);
}

static guint
get_told (Listener   *self,
          const char *name)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->told, name));
  g_mutex_unlock (&self->lock);

  return n;
}

static gboolean
has_told_worker (gpointer user_data)
{
  return get_told (user_data, "n-workers") == 1;
}

static gboolean
has_told_end (gpointer user_data)
{
  return get_told (user_data, "n-workers") == 2;
}

static gboolean
knows_end (gpointer user_data)
{
  Listener *self = user_data;
  gboolean knows;

  g_mutex_lock (&self->lock);
  knows = self->state == PPOOL_EXECUTOR_STATE_SHUT_DOWN && self->n_workers == 0;
  g_mutex_unlock (&self->lock);

  return knows;
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_REMOVE;
}

static void
listener_clear (Listener *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, quit_cb, self->loop, NULL);
  g_source_attach (source, self->context);
  g_thread_join (self->thread);

  g_clear_object (&self->executor);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_hash_table_unref (self->told);
  g_async_queue_unref (self->made);
  g_mutex_clear (&self->lock);
}

/* A29: in the context of the constructor, also what other threads set. */
static void
test_context (Harness *harness)
{
  Listener listener;

  listener_init (&listener);
  harness_assert_works (listener.executor);
  harness_iterate_until (has_told_worker, &listener);
  ppool_executor_set_max_workers (listener.executor, 3);
  ppool_executor_set_grace_msec (listener.executor, 1234);
  ppool_executor_set_max_tasks_per_worker (listener.executor, 7);
  g_assert_cmpuint (ppool_executor_get_max_workers (listener.executor), ==, 3);
  harness_shut_down (listener.executor);
  harness_iterate_until (knows_end, &listener);
  harness_iterate_until (has_told_end, &listener);

  g_assert_cmpuint (get_told (&listener, "state"), >=, 1);
  g_assert_cmpuint (get_told (&listener, "max-workers"), ==, 1);
  g_assert_cmpuint (get_told (&listener, "grace-msec"), ==, 1);
  g_assert_cmpuint (get_told (&listener, "max-tasks-per-worker"), ==, 1);
  listener_clear (&listener);
}

static gboolean
is_over (gpointer user_data)
{
  return g_get_monotonic_time () > *(gint64 *) user_data;
}

/* A29: counts at most every 100 ms, also while the state changes, and the last
 * one is told. */
static void
test_interval (Harness *harness)
{
  Listener listener;
  gint64 end = g_get_monotonic_time () + 5 * INTERVAL_USEC;

  listener_init (&listener);
  while (g_get_monotonic_time () < end)
    harness_assert_works (listener.executor);
  harness_shut_down (listener.executor);
  harness_iterate_until (knows_end, &listener);
  harness_iterate_until (has_told_end, &listener);
  end = g_get_monotonic_time () + 2 * INTERVAL_USEC;
  harness_iterate_until (is_over, &end);

  g_assert_cmpuint (get_told (&listener, "n-workers"), ==, 2);
  g_assert_cmpint (listener.shortest, >=, INTERVAL_USEC);
  listener_clear (&listener);
}

static void
append_time_cb (GObject    *object,
                GParamSpec *pspec,
                gpointer    user_data)
{
  GArray *times = user_data;
  gint64 now = g_get_monotonic_time ();

  g_array_append_val (times, now);
}

static gboolean
has_one (gpointer user_data)
{
  return ((GArray *) user_data)->len == 1;
}

static gboolean
has_two (gpointer user_data)
{
  return ((GArray *) user_data)->len == 2;
}

/* A29: a state that is told at once does not take counts along. */
static void
test_interval_at_end (Harness *harness)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));
  Busy busy;

  busy_init (&busy, harness);
  g_signal_connect (busy.executor, "notify::n-running", G_CALLBACK (append_time_cb), times);
  harness_iterate_until (has_one, times);
  ppool_executor_kill_workers (busy.executor);
  g_assert_cmpuint (ppool_executor_get_n_running (busy.executor), ==, 0);
  harness_iterate_until (has_two, times);
  g_assert_cmpint (g_array_index (times, gint64, 1) - g_array_index (times, gint64, 0), >=,
                   INTERVAL_USEC);
  gate_expect_death (busy.visitor);
  busy_clear (&busy);
}

typedef struct
{
  PPoolExecutor *executor;
  gint64 count_time;
  gint64 state_time;
} Ends;

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  Ends *ends = user_data;

  if (ends->count_time != 0)
    return;

  ends->count_time = g_get_monotonic_time ();
  ppool_executor_shutdown (ends->executor, PPOOL_SHUTDOWN_FLAGS_NONE);
}

static void
state_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  Ends *ends = user_data;

  if (ends->state_time == 0)
    ends->state_time = g_get_monotonic_time ();
}

static gboolean
is_state_told (gpointer user_data)
{
  return ((Ends *) user_data)->state_time != 0;
}

/* A29: the state is told at once. A busy machine gets another chance. */
static void
test_state (Harness *harness)
{
  gint64 took = G_MAXINT64;

  for (guint i = 0; i < N_ATTEMPTS && took >= INTERVAL_USEC / 2; i++)
    {
      g_autoptr (PPoolExecutor) executor = harness_executor (1);
      Ends ends = { .executor = executor };

      g_signal_connect (executor, "notify::n-workers", G_CALLBACK (count_cb), &ends);
      g_signal_connect (executor, "notify::state", G_CALLBACK (state_cb), &ends);
      harness_assert_works (executor);
      harness_iterate_until (is_state_told, &ends);
      g_assert_cmpint (ends.count_time, !=, 0);
      took = ends.state_time - ends.count_time;
    }
  g_assert_cmpint (took, <, INTERVAL_USEC / 2);
}

static void
append_state_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  GArray *states = user_data;
  PPoolExecutorState state = ppool_executor_get_state (PPOOL_EXECUTOR (object));

  g_array_append_val (states, state);
}

static gboolean
has_last_state (gpointer user_data)
{
  GArray *states = user_data;

  return states->len > 0 && g_array_index (states, PPoolExecutorState, states->len - 1) >=
                                PPOOL_EXECUTOR_STATE_SHUT_DOWN;
}

/* Each state that lasts is told. */
static void
test_states (Harness *harness)
{
  g_autoptr (GArray) states = g_array_new (FALSE, FALSE, sizeof (PPoolExecutorState));
  Busy busy;

  busy_init (&busy, harness);
  g_signal_connect (busy.executor, "notify::state", G_CALLBACK (append_state_cb), states);
  ppool_executor_shutdown (busy.executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  g_assert_cmpuint (states->len, ==, 0);
  harness_iterate_until (has_one, states);
  g_assert_cmpint (g_array_index (states, PPoolExecutorState, 0), ==,
                   PPOOL_EXECUTOR_STATE_SHUTTING_DOWN);
  gate_open (busy.visitor, "");
  harness_iterate_until (has_last_state, states);
  g_assert_cmpuint (states->len, ==, 2);
  busy_clear (&busy);

  busy_init (&busy, harness);
  g_array_set_size (states, 0);
  g_signal_connect (busy.executor, "notify::state", G_CALLBACK (append_state_cb), states);
  kill (busy.visitor.pid, SIGKILL);
  harness_iterate_until (has_last_state, states);
  g_assert_cmpuint (states->len, ==, 1);
  g_assert_cmpint (g_array_index (states, PPoolExecutorState, 0), ==, PPOOL_EXECUTOR_STATE_BROKEN);
  gate_expect_death (busy.visitor);
  busy_clear (&busy);
}

/* A29: what is asked for is exact, whatever was told. */
static void
test_getters (Harness *harness)
{
  PPoolFuture *futures[3];
  guint n_workers, n_pending, n_running;
  Busy busy;

  busy_init (&busy, harness);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      futures[i] = harness_submit (busy.executor, "echo", NULL);
      g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, i + 1);
    }
  g_object_get (busy.executor, "n-workers", &n_workers, "n-pending", &n_pending, "n-running",
                &n_running, NULL);
  g_assert_cmpuint (n_workers, ==, 1);
  g_assert_cmpuint (n_pending, ==, 3);
  g_assert_cmpuint (n_running, ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_true (ppool_future_cancel (futures[i]));
      g_assert_cmpuint (ppool_executor_get_n_pending (busy.executor), ==, 2 - i);
      g_object_unref (futures[i]);
    }
  gate_open (busy.visitor, "");
  harness_assert_value (busy.future, "''");
  g_assert_cmpuint (ppool_executor_get_n_running (busy.executor), ==, 0);
  busy_clear (&busy);
}

static void
drop_cb (GObject    *object,
         GParamSpec *pspec,
         gpointer    user_data)
{
  g_clear_object ((PPoolExecutor **) user_data);
}

static gboolean
is_dropped (gpointer user_data)
{
  return *(PPoolExecutor **) user_data == NULL;
}

/* A19: the last reference may go while it is told of. */
static void
test_dropped (Harness *harness)
{
  PPoolExecutor *executor = harness_executor (1);
  g_autoptr (PPoolFuture) future = NULL;

  g_signal_connect (executor, "notify::n-workers", G_CALLBACK (drop_cb), &executor);
  future = harness_submit (executor, "echo", NULL);
  harness_iterate_until (is_dropped, &executor);
  harness_assert_value (future, "()");
}

static gpointer
make_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  PPoolExecutor *executor;

  g_main_context_push_thread_default (context);
  executor = harness_executor (1);
  g_signal_connect (executor, "notify", G_CALLBACK (drop_cb), NULL);
  g_main_context_pop_thread_default (context);

  return executor;
}

/* A context that nobody iterates, and that is gone in the end. */
static void
test_nobody (Harness *harness)
{
  g_autoptr (PPoolExecutor) executor =
      g_thread_join (g_thread_new ("maker", make_thread, NULL));

  harness_assert_works (executor);
  harness_shut_down (executor);
}

/* A thread that makes an executor, or sets something, and is gone then. */
typedef struct
{
  GMainContext *context;
  PPoolExecutor *executor;
  GThread *self;   /* (unowned): never more than compared */
  GThread *teller; /* (unowned): likewise; in which it was notified */
} Passer;

static void
note_teller_cb (GObject    *object G_GNUC_UNUSED,
                GParamSpec *pspec G_GNUC_UNUSED,
                gpointer    user_data)
{
  Passer *passer = user_data;

  passer->teller = g_thread_self ();
}

static gpointer
pass_thread (gpointer user_data)
{
  Passer *passer = user_data;

  passer->self = g_thread_self ();
  g_main_context_push_thread_default (passer->context);
  passer->executor = harness_executor (1);
  g_signal_connect (passer->executor, "notify::max-workers", G_CALLBACK (note_teller_cb), passer);
  g_main_context_pop_thread_default (passer->context);

  return NULL;
}

static gpointer
change_thread (gpointer user_data)
{
  Passer *passer = user_data;

  passer->self = g_thread_self ();
  ppool_executor_set_max_workers (passer->executor, 7);

  return NULL;
}

/* A thread may have the address of one that has ended, and is another one still. */
static void
test_same_address (Harness *harness G_GNUC_UNUSED)
{
  for (guint i = 0; i < 20; i++)
    {
      Passer passer = { .context = g_main_context_new () };
      g_autoptr (PPoolExecutor) executor = NULL;
      gboolean is_same;
      GThread *maker;

      g_thread_join (g_thread_new ("maker", pass_thread, &passer));
      maker = passer.self;
      executor = passer.executor;
      g_thread_join (g_thread_new ("changer", change_thread, &passer));
      is_same = passer.self == maker;

      g_assert_null (passer.teller);
      while (g_main_context_iteration (passer.context, FALSE))
        ;
      g_assert_true (passer.teller == g_thread_self ());

      g_clear_object (&executor);
      g_main_context_unref (passer.context);
      if (is_same)
        return;
    }

  g_test_skip ("no thread had the address of another");
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  /* A29 */
  harness_add ("/executor/notify/context", test_context);
  harness_add ("/executor/notify/interval", test_interval);
  harness_add ("/executor/notify/interval-at-end", test_interval_at_end);
  harness_add ("/executor/notify/state", test_state);
  harness_add ("/executor/notify/states", test_states);
  harness_add ("/executor/notify/getters", test_getters);
  harness_add ("/executor/notify/dropped", test_dropped);
  harness_add ("/executor/notify/nobody", test_nobody);
  harness_add ("/executor/notify/same-address", test_same_address);

  return g_test_run ();
}
