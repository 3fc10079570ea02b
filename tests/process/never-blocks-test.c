/* never-blocks-test.c: the functions of which docs/threads.md says that they never block
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"
#include "io-thread.h"

#include <signal.h>
#include <string.h>

/* All of them are called in a thread of their own, while somebody is busy whom they might wait
 * for. That one goes on only after the thread has ended. */

/* More than a socket takes that nobody reads. */
#define N_QUEUED 200
#define N_BYTES 30000

typedef struct
{
  Harness *harness;        /* (unowned) */
  PPoolExecutor *executor; /* (owned): by the thread, once it runs */
  PPoolFuture *future;     /* (owned) */
  GAsyncQueue *ended;      /* (owned) */
  const char *current;     /* atomic: what is being called */
} Site;

/* Which thread of the library is held: the one that logs a message with this text. */
typedef struct
{
  GMutex lock;
  GCond cond;
  const char *text; /* (nullable): guarded by the lock, as the rest is */
  gboolean is_held;
  gboolean is_let_go;
} Hold;

static Hold hold;

static void
log_cb (const char     *domain G_GNUC_UNUSED,
        GLogLevelFlags  level G_GNUC_UNUSED,
        const char     *message,
        gpointer        user_data G_GNUC_UNUSED)
{
  g_mutex_lock (&hold.lock);
  if (hold.text != NULL && strstr (message, hold.text) != NULL)
    {
      hold.text = NULL;
      hold.is_held = TRUE;
      g_cond_broadcast (&hold.cond);
      while (!hold.is_let_go)
        g_cond_wait (&hold.cond, &hold.lock);
      hold.is_held = FALSE;
    }
  g_mutex_unlock (&hold.lock);
}

static void
hold_at (const char *text)
{
  g_mutex_lock (&hold.lock);
  hold.text = text;
  hold.is_let_go = FALSE;
  g_mutex_unlock (&hold.lock);
}

static void
hold_wait (void)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_SECONDS * G_TIME_SPAN_SECOND;

  g_mutex_lock (&hold.lock);
  while (!hold.is_held)
    g_assert_true (g_cond_wait_until (&hold.cond, &hold.lock, end));
  g_mutex_unlock (&hold.lock);
}

static void
hold_let_go (void)
{
  g_mutex_lock (&hold.lock);
  hold.is_let_go = TRUE;
  g_cond_broadcast (&hold.cond);
  g_mutex_unlock (&hold.lock);
}

/* The functions */

#define CALL(function, ...) \
  (g_atomic_pointer_set (&site->current, #function), function (__VA_ARGS__))

static void
dropped_cb (GObject      *source G_GNUC_UNUSED,
            GAsyncResult *result G_GNUC_UNUSED,
            gpointer      user_data G_GNUC_UNUSED)
{
}

static void
done_cb (PPoolFuture *future G_GNUC_UNUSED,
         gpointer     user_data G_GNUC_UNUSED)
{
}

static void
use_getters (Site        *site,
             PPoolFuture *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) future_error = NULL;
  g_autoptr (GVariant) value = NULL;

  CALL (ppool_executor_get_state, site->executor);
  CALL (ppool_executor_get_n_workers, site->executor);
  CALL (ppool_executor_get_n_pending, site->executor);
  CALL (ppool_executor_get_n_running, site->executor);
  CALL (ppool_executor_get_max_workers, site->executor);
  CALL (ppool_executor_get_launcher, site->executor);
  error = CALL (ppool_executor_get_error, site->executor);
  CALL (ppool_future_get_state, future);
  CALL (ppool_future_is_done, future);
  CALL (ppool_future_is_running, future);
  CALL (ppool_future_is_cancelled, future);
  CALL (ppool_future_get_queued_time, future);
  CALL (ppool_future_get_started_time, future);
  CALL (ppool_future_get_finished_time, future);
  CALL (ppool_future_get_function, future);
  CALL (ppool_future_get_call, future);
  CALL (ppool_future_get_death, future);
  CALL (ppool_future_get_n_attempts, future);
  CALL (ppool_future_get_worker_pid, future);
  future_error = CALL (ppool_future_get_error, future);
  value = CALL (ppool_future_propagate, future, NULL);
}

static void
use_settings (Site *site)
{
  CALL (ppool_executor_get_abort_grace_msec, site->executor);
  CALL (ppool_executor_get_call_timeout_msec, site->executor);
  CALL (ppool_executor_get_cancel_running, site->executor);
  CALL (ppool_executor_get_crash_policy, site->executor);
  CALL (ppool_executor_get_grace_msec, site->executor);
  CALL (ppool_executor_get_initializer, site->executor);
  CALL (ppool_executor_get_initializer_args, site->executor);
  CALL (ppool_executor_get_max_start_failures, site->executor);
  CALL (ppool_executor_get_max_tasks_per_worker, site->executor);
  CALL (ppool_executor_get_queue_timeout_msec, site->executor);
  CALL (ppool_executor_get_spare_workers, site->executor);
}

static void
use_setters (Site *site)
{
  CALL (ppool_executor_set_crash_policy, site->executor, PPOOL_CRASH_POLICY_REPLACE);
  CALL (ppool_executor_set_grace_msec, site->executor, 300);
  CALL (ppool_executor_set_abort_grace_msec, site->executor, 300);
  CALL (ppool_executor_set_max_workers, site->executor, 2);
  CALL (ppool_executor_set_spare_workers, site->executor, 0);
  CALL (ppool_executor_set_max_tasks_per_worker, site->executor, 1000);
  CALL (ppool_executor_set_call_timeout_msec, site->executor, 1000000);
  CALL (ppool_executor_set_queue_timeout_msec, site->executor, 1000000);
  CALL (ppool_executor_set_max_start_failures, site->executor, 3);
  CALL (ppool_executor_set_cancel_running, site->executor, TRUE);
  CALL (ppool_executor_set_max_workers, site->executor, 1);
  CALL (ppool_executor_prestart, site->executor, 1, NULL);
}

static GVariant *
make_bytes (void)
{
  return g_variant_new_take_string (g_strnfill (N_BYTES, 'x'));
}

/* Returns: (transfer full): one of those that were submitted. */
static PPoolFuture *
use_calls (Site *site)
{
  g_autoptr (PPoolCall) call = ppool_call_new ("echo", make_bytes ());
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  PPoolFuture *future = NULL;

  for (guint i = 0; i < N_QUEUED; i++)
    {
      g_clear_object (&future);
      future = CALL (ppool_executor_submit, site->executor, "echo", make_bytes (), NULL, NULL);
    }
  if (future != NULL)
    g_object_unref (future);
  future = CALL (ppool_executor_submit_call, site->executor, call, cancellable, NULL);
  CALL (ppool_executor_call_async, site->executor, "echo", make_bytes (), cancellable,
        dropped_cb, NULL);
  CALL (g_cancellable_cancel, cancellable);

  return future;
}

static void
use_waiting (Site        *site,
             PPoolFuture *future)
{
  g_autoptr (PPoolAsCompleted) completed = NULL;
  guint id;

  CALL (ppool_future_result_async, future, NULL, dropped_cb, NULL);
  id = CALL (ppool_future_add_done_callback, future, done_cb, NULL, NULL);
  CALL (ppool_future_remove_done_callback, future, id);
  CALL (ppool_future_add_done_callback, future, done_cb, NULL, NULL);
  CALL (ppool_wait_futures_async, &future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, -1, NULL,
        dropped_cb, NULL);
  completed = CALL (ppool_as_completed_new, &future, 1, -1);
  CALL (ppool_as_completed_next_future_async, completed, NULL, dropped_cb, NULL);
}

static void
use_map (Site *site)
{
  g_autoptr (PPoolCall) options = ppool_call_new ("echo", NULL);
  g_autoptr (PPoolMap) map =
      CALL (ppool_executor_map, site->executor, "echo", g_variant_new_parsed ("[1, 2, 3]"), NULL);
  g_autoptr (PPoolMap) dropped =
      CALL (ppool_executor_map, site->executor, "echo", g_variant_new_parsed ("[1, 2, 3]"), NULL);

  CALL (ppool_map_set_buffer_size, map, 2);
  CALL (ppool_map_set_chunk_size, map, 1);
  CALL (ppool_map_set_timeout_msec, map, 1000000);
  CALL (ppool_map_set_stop_on_error, map, FALSE);
  CALL (ppool_map_set_call_options, map, options);
  CALL (ppool_map_add_inputs, map, g_variant_new_parsed ("[4]"));
  CALL (ppool_map_next_value_async, map, NULL, dropped_cb, NULL);
  CALL (ppool_map_cancel, map);
  CALL (ppool_map_next_value_async, dropped, NULL, dropped_cb, NULL);
}

static void
use_launcher (Site *site)
{
  g_autoptr (PPoolLauncher) launcher = NULL;

  launcher = CALL (ppool_launcher_new, (const char *[]){ "/no/such/program", NULL });
  CALL (ppool_launcher_set_environ, launcher, (const char *[]){ "B=1", NULL });
  CALL (ppool_launcher_setenv, launcher, "A", "1", TRUE);
  CALL (ppool_launcher_set_cwd, launcher, "/");
  CALL (ppool_launcher_set_handshake_timeout_msec, launcher, 1000);
  CALL (ppool_launcher_set_stderr_mode, launcher, PPOOL_STDERR_MODE_TEE);
}

/* How an executor may be left, which is different in each run. */
static void
leave_by_drop (Site *site G_GNUC_UNUSED)
{
}

static void
leave_by_shutdown (Site *site)
{
  CALL (ppool_executor_shutdown, site->executor, PPOOL_SHUTDOWN_FLAGS_NONE);
  CALL (ppool_executor_shutdown, site->executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING);
}

static void
leave_by_shutdown_async (Site *site)
{
  CALL (ppool_executor_shutdown_async, site->executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING, NULL,
        dropped_cb, NULL);
}

static void
leave_by_terminate (Site *site)
{
  CALL (ppool_executor_terminate_workers, site->executor);
}

static void
leave_by_kill (Site *site)
{
  CALL (ppool_executor_kill_workers, site->executor);
}

static void
leave_by_abort (Site *site)
{
  CALL (ppool_future_abort, site->future);
}

static void (*const leave_funcs[]) (Site *site) = {
  leave_by_drop,
  leave_by_shutdown,
  leave_by_shutdown_async,
  leave_by_terminate,
  leave_by_kill,
  leave_by_abort,
};

typedef struct
{
  Site *site;
  void (*leave) (Site *site);
} Run;

static gpointer
use_thread (gpointer user_data)
{
  Run *run = user_data;
  Site *site = run->site;
  g_autoptr (GMainContext) context = g_main_context_new ();
  PPoolFuture *future;

  g_main_context_push_thread_default (context);
  use_launcher (site);
  use_getters (site, site->future);
  use_settings (site);
  use_setters (site);
  future = use_calls (site);
  g_assert_nonnull (future);
  use_getters (site, future);
  use_waiting (site, future);
  use_waiting (site, site->future);
  use_map (site);
  CALL (ppool_future_cancel, future);
  CALL (ppool_future_cancel, site->future);
  run->leave (site);
  use_getters (site, site->future);
  CALL (g_object_unref, future);
  CALL (g_object_unref, site->future);
  CALL (g_object_unref, site->executor);
  g_main_context_pop_thread_default (context);
  g_async_queue_push (site->ended, site);

  return NULL;
}

/* The thread ends, with everybody still busy. */
static void
use_all (Site   *site,
         void  (*leave) (Site *site))
{
  Run run = { site, leave };
  GThread *thread = g_thread_new ("caller", use_thread, &run);

  if (g_async_queue_timeout_pop (site->ended, PATIENCE_SECONDS * G_TIME_SPAN_SECOND) == NULL)
    g_error ("%s() blocks", (const char *) g_atomic_pointer_get (&site->current));
  g_thread_join (thread);
}

/* The places */

static void
site_init (Site       *self,
           Harness    *harness,
           const char *function,
           GVariant   *args)
{
  *self = (Site){ .harness = harness, .ended = g_async_queue_new () };
  self->executor = harness_executor (1);
  self->future = harness_submit (self->executor, function, args);
}

static void
check_start (Harness    *harness,
             const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (leave_funcs); i++)
    {
      Site site;

      hold_at (text);
      site_init (&site, harness, "pid", NULL);
      hold_wait ();
      use_all (&site, leave_funcs[i]);
      hold_let_go ();
      g_async_queue_unref (site.ended);
    }
}

/* The manager's thread, which has just started a worker. */
static void
test_starting (Harness *harness)
{
  check_start (harness, ": started");
}

/* GDBus's thread, in an event of the worker's channel. */
static void
test_ready (Harness *harness)
{
  check_start (harness, ": ready");
}

/* The manager's thread, at the end of a worker. */
static void
test_ending (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (leave_funcs); i++)
    {
      Site site;
      g_autoptr (Gate) gate = gate_new (harness->dir);
      Visitor visitor;

      site_init (&site, harness, "gate", g_variant_new ("(s)", gate_get_path (gate)));
      visitor = gate_wait (gate);
      ppool_executor_set_crash_policy (site.executor, PPOOL_CRASH_POLICY_REPLACE);
      hold_at (": killed by signal");
      g_assert_no_errno (kill (visitor.pid, SIGKILL));
      hold_wait ();
      use_all (&site, leave_funcs[i]);
      hold_let_go ();
      gate_expect_death (visitor);
      g_async_queue_unref (site.ended);
    }
}

/* A worker that reads nothing, and GDBus's thread, which writes nothing. */
static void
test_silent (Harness *harness)
{
  for (guint i = 0; i < G_N_ELEMENTS (leave_funcs); i++)
    {
      Site site;
      g_autoptr (Gate) gate = gate_new (harness->dir);
      IoThread io;
      Visitor visitor;

      io_thread_init (&io);
      site_init (&site, harness, "gate", g_variant_new ("(s)", gate_get_path (gate)));
      visitor = gate_wait (gate);
      g_assert_no_errno (kill (visitor.pid, SIGSTOP));
      io_thread_hold (&io);
      use_all (&site, leave_funcs[i]);
      io_thread_let_go (&io);
      kill (visitor.pid, SIGCONT);
      gate_open (visitor, NULL);
      io_thread_clear (&io);
      g_async_queue_unref (site.ended);
    }
}

int
main (int    argc,
      char **argv)
{
  harness_init (&argc, &argv);

  g_log_set_handler ("PPool", G_LOG_LEVEL_DEBUG, log_cb, NULL);

  harness_add ("/never-blocks/starting", test_starting);
  harness_add ("/never-blocks/ready", test_ready);
  harness_add ("/never-blocks/ending", test_ending);
  harness_add ("/never-blocks/silent", test_silent);

  return g_test_run ();
}
