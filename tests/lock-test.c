/* lock-test.c: who has to wait for the pool's lock, and who has to send
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-executor-internal.h"
#include "ppool-future.h"
#include "ppool-map.h"
#include "ppool-pool-internal.h"
#include "ppool-wait.h"

#define LIMIT_USEC (20 * G_TIME_SPAN_SECOND)

/* Its workers never say anything. */
static PPoolExecutor *
new_executor (void)
{
  g_autoptr (PPoolLauncher) launcher =
    ppool_launcher_new ((const char *[]){ "/bin/sleep", "1000", NULL });
  PPoolExecutor *executor = ppool_executor_new (launcher);

  ppool_executor_set_max_workers (executor, 1);

  return executor;
}

static void
end_executor (PPoolExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  ppool_executor_kill_workers (executor);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, &error);
  g_assert_no_error (error);
}

static PPoolFuture *
submit (PPoolExecutor *executor)
{
  g_autoptr (GError) error = NULL;
  PPoolFuture *future = ppool_executor_submit (executor, "anything", NULL, NULL, &error);

  g_assert_no_error (error);

  return future;
}

static void
assert_no_result (PPoolMap *map)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ppool_map_next_value (map, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

typedef struct
{
  PPoolFuture *future;
  PPoolMap *map;
  GAsyncQueue *ended;
} Reader;

static gpointer
read_thread (gpointer user_data)
{
  Reader *self = user_data;
  g_autoptr (GPtrArray) done = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (ppool_future_is_done (self->future));
  g_assert_cmpint (ppool_future_get_queued_time (self->future), >, 0);
  g_assert_cmpint (ppool_future_get_finished_time (self->future), ==, 0);
  done = ppool_wait_futures (&self->future, 1, PPOOL_RETURN_WHEN_ALL_COMPLETED, 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (done->len, ==, 0);
  assert_no_result (self->map);
  g_async_queue_push (self->ended, self);

  return NULL;
}

/* Whether a call is done is nothing that the pool has to be asked. */
static void
test_done (void)
{
  g_autoptr (PPoolExecutor) executor = new_executor ();
  g_autoptr (PPoolFuture) future = submit (executor);
  g_autoptr (GAsyncQueue) ended = g_async_queue_new ();
  g_autoptr (PPoolMap) map = NULL;
  g_autoptr (GError) error = NULL;
  Reader reader;
  GThread *thread;
  gpointer got;

  map = ppool_executor_map (executor, "anything", g_variant_new_parsed ("[1, 2, 3]"), &error);
  g_assert_no_error (error);
  ppool_map_set_buffer_size (map, 1);
  assert_no_result (map);

  reader = (Reader){ future, map, ended };
  ppool_lock_enter (&executor->pool->lock);
  thread = g_thread_new ("reader", read_thread, &reader);
  got = g_async_queue_timeout_pop (ended, LIMIT_USEC);
  ppool_lock_leave (&executor->pool->lock);
  g_thread_join (thread);
  g_assert_true (got == &reader);

  end_executor (executor);
}

typedef struct
{
  PPoolSender sender;
  PPoolLock *lock;
  guint n_sent; /* guarded by the lock */
} FakeSender;

static void
fake_send (gpointer owner)
{
  FakeSender *self = owner;

  self->n_sent++;
  g_mutex_unlock (&self->lock->mutex);
}

/* Enters the lock, and is to be sent by who leaves. */
static void
fake_sender_init (FakeSender *self,
                  PPoolLock  *lock)
{
  *self = (FakeSender){ .sender = { .send = fake_send, .owner = self }, .lock = lock };

  ppool_lock_enter (lock);
  g_assert_true (ppool_lock_add_sender (lock, &self->sender));
  g_assert_false (ppool_lock_add_sender (lock, &self->sender));
}

typedef struct
{
  GAsyncQueue *holding; /* (unowned) */
  GAsyncQueue *go_on;   /* (unowned) */
} Hold;

static void
hold_cb (gpointer user_data)
{
  Hold *self = user_data;

  g_async_queue_push (self->holding, self);
  g_async_queue_timeout_pop (self->go_on, LIMIT_USEC);
}

/* What another thread has decided is sent by that one, or by the manager. */
static void
test_quiet (void)
{
  g_autoptr (PPoolExecutor) executor = new_executor ();
  g_autoptr (PPoolFuture) future = submit (executor);
  g_autoptr (GAsyncQueue) holding = g_async_queue_new ();
  g_autoptr (GAsyncQueue) go_on = g_async_queue_new ();
  Hold hold = { holding, go_on };
  PPoolPool *pool = executor->pool;
  g_autoptr (GError) error = NULL;
  FakeSender sender;

  /* The manager has things of its own to do, such as starting workers. */
  ppool_manager_post (pool->manager, hold_cb, &hold);
  g_assert_true (g_async_queue_timeout_pop (holding, LIMIT_USEC) == &hold);

  fake_sender_init (&sender, &pool->lock);
  /* Its flag keeps the manager from being asked. */
  pool->is_sender_posted = TRUE;
  g_mutex_unlock (&pool->lock.mutex);

  ppool_executor_get_state (executor);
  ppool_executor_get_n_workers (executor);
  ppool_executor_get_n_pending (executor);
  ppool_executor_get_n_running (executor);
  ppool_executor_get_max_workers (executor);
  error = ppool_executor_get_error (executor);
  ppool_future_get_state (future);
  ppool_future_is_done (future);
  ppool_future_is_running (future);
  ppool_future_get_started_time (future);
  ppool_executor_set_grace_msec (executor, 17);
  ppool_executor_set_max_workers (executor, 2);
  ppool_executor_set_spare_workers (executor, 0);
  ppool_executor_set_max_tasks_per_worker (executor, 9);
  g_assert_true (ppool_future_cancel (future));
  ppool_executor_shutdown (executor, PPOOL_SHUTDOWN_FLAGS_NONE);

  ppool_lock_enter (&pool->lock);
  g_assert_true (ppool_lock_is_dirty (&pool->lock));
  g_assert_cmpuint (sender.n_sent, ==, 0);
  pool->is_sender_posted = FALSE;
  ppool_lock_leave (&pool->lock);
  g_mutex_lock (&pool->lock.mutex);
  g_assert_false (ppool_lock_is_dirty (&pool->lock));
  g_assert_cmpuint (sender.n_sent, ==, 1);
  g_mutex_unlock (&pool->lock.mutex);

  g_async_queue_push (go_on, &hold);
  end_executor (executor);
}

static gboolean
was_sent (FakeSender *self)
{
  gboolean sent;

  g_mutex_lock (&self->lock->mutex);
  sent = self->n_sent > 0;
  g_mutex_unlock (&self->lock->mutex);

  return sent;
}

/* The manager sends what was left to it. */
static void
test_handed_over (void)
{
  g_autoptr (PPoolExecutor) executor = new_executor ();
  g_autoptr (PPoolFuture) future G_GNUC_UNUSED = submit (executor);
  gint64 end = g_get_monotonic_time () + LIMIT_USEC;
  PPoolPool *pool = executor->pool;
  FakeSender sender;

  fake_sender_init (&sender, &pool->lock);
  ppool_pool_leave_lock (pool);

  while (!was_sent (&sender))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_thread_yield ();
    }

  end_executor (executor);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/lock/done", test_done);
  g_test_add_func ("/lock/quiet", test_quiet);
  g_test_add_func ("/lock/handed-over", test_handed_over);

  return g_test_run ();
}
