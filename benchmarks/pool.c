/* pool.c: executors to be measured
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

struct _PoolGate
{
  int fd;
  GArray *visitors;   /* (element-type int) */
  GPtrArray *futures; /* (element-type PPoolFuture) */
};

/* The worker's side. */

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  return g_variant_ref (args);
}

static GVariant *
busy (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  bench_work (g_variant_get_double (args));
  return g_variant_new_tuple (NULL, 0);
}

static GVariant *
sleep_well (PPoolInvocation  *invocation,
            GVariant         *args,
            gpointer          user_data,
            GError          **error)
{
  GMutex lock;
  GCond never;

  g_mutex_init (&lock);
  g_cond_init (&never);
  g_mutex_lock (&lock);
  g_cond_wait_until (&never, &lock,
                     g_get_monotonic_time () + (gint64) g_variant_get_double (args));
  g_mutex_unlock (&lock);
  g_cond_clear (&never);
  g_mutex_clear (&lock);

  return g_variant_new_tuple (NULL, 0);
}

static GVariant *
leave (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  _exit (EXIT_FAILURE);
}

static socklen_t
make_address (const char         *name,
              struct sockaddr_un *address)
{
  gsize length = strlen (name);

  /* An abstract one, which begins with a zero and leaves nothing behind. */
  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  g_assert_cmpuint (length + 1, <=, sizeof address->sun_path);
  memcpy (address->sun_path + 1, name, length);

  return (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + length);
}

static GVariant *
hold (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address;
  socklen_t size = make_address (g_variant_get_string (args, NULL), &address);
  char byte;

  g_assert_no_errno (connect (fd, (struct sockaddr *) &address, size));
  g_assert_cmpint (read (fd, &byte, 1), ==, 0);
  close (fd);
  return g_variant_new_tuple (NULL, 0);
}

/* Reads its arguments to the end and makes as many bytes. */
static GVariant *
transform (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  gsize n_words;
  const guint64 *words = g_variant_get_fixed_array (args, &n_words, sizeof *words);
  guint64 sum = bench_sum (words, n_words);
  g_autoptr (PPoolBuffer) buffer = ppool_buffer_new (n_words * sizeof (guint64), error);

  if (buffer == NULL)
    return NULL;

  bench_fill ((guint64 *) (gpointer) ppool_buffer_get_data (buffer, NULL), n_words, sum);
  return ppool_buffer_to_variant (buffer, G_VARIANT_TYPE ("at"), error);
}

static void
keep (PPoolInvocation *invocation,
      gpointer         user_data)
{
  g_object_ref (invocation);
}

int
pool_serve (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();

  ppool_worker_add_function (worker, "echo", echo, NULL, NULL);
  ppool_worker_add_function (worker, "busy", busy, NULL, NULL);
  ppool_worker_add_function (worker, "sleep", sleep_well, NULL, NULL);
  ppool_worker_add_function (worker, "exit", leave, NULL, NULL);
  ppool_worker_add_function (worker, "hold", hold, NULL, NULL);
  ppool_worker_add_function (worker, "transform", transform, NULL, NULL);
  ppool_worker_add_handler (worker, "keep", keep, NULL, NULL);

  return ppool_worker_run (worker, NULL);
}

/* The program's side. */

PPoolExecutor *
pool_new (guint max_workers)
{
  g_autoptr (PPoolLauncher) launcher = ppool_launcher_new_self ();
  PPoolExecutor *executor = ppool_executor_new (launcher);

  ppool_executor_set_max_workers (executor, max_workers);
  ppool_executor_set_call_timeout_msec (executor, (int) bench_get ("timeout", -1));
  ppool_executor_set_queue_timeout_msec (executor, (int) bench_get ("queue-timeout", -1));

  return executor;
}

PPoolExecutor *
pool_new_warm (guint max_workers)
{
  PPoolExecutor *executor = pool_new (max_workers);
  guint n = (guint) bench_get ("warm-up", 1000);
  g_autofree PPoolFuture **futures = g_new (PPoolFuture *, n);

  /* Nobody can take two calls that don't return. */
  pool_gate_open (pool_gate_new (executor, max_workers));
  pool_submit_many (executor, "si", futures, n);
  pool_read_many (futures, n);

  return executor;
}

void
pool_end (PPoolExecutor *executor)
{
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING, NULL, NULL);
  g_object_unref (executor);
}

GVariant *
pool_make_args (const char *kind,
                int         number)
{
  if (g_str_equal (kind, "none"))
    return NULL;
  if (g_str_equal (kind, "x"))
    return g_variant_new_int64 (number);

  return g_variant_new ("(si)", "some text", number);
}

PPoolFuture *
pool_submit (PPoolExecutor *executor,
             const char    *function,
             GVariant      *args)
{
  g_autoptr (GError) error = NULL;
  PPoolFuture *future = ppool_executor_submit (executor, function, args, NULL, &error);

  bench_check (error);

  return future;
}

void
pool_submit_many (PPoolExecutor  *executor,
                  const char     *kind,
                  PPoolFuture   **futures,
                  guint           n)
{
  for (guint i = 0; i < n; i++)
    futures[i] = pool_submit (executor, "echo", pool_make_args (kind, (int) i));
}

void
pool_read_many (PPoolFuture **futures,
                guint         n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value G_GNUC_UNUSED = ppool_future_result (futures[i], -1, &error);

      bench_check (error);
      g_object_unref (futures[i]);
    }
}

/* Returns when so many workers stand at the gate. */
PoolGate *
pool_gate_new (PPoolExecutor *executor,
               guint          n_workers)
{
  static int n_gates;
  g_autofree char *name = g_strdup_printf ("ppool-benchmark-%d-%d", getpid (), n_gates++);
  PoolGate *self = g_new0 (PoolGate, 1);
  struct sockaddr_un address;
  socklen_t size = make_address (name, &address);

  self->visitors = g_array_new (FALSE, FALSE, sizeof (int));
  self->futures = g_ptr_array_new_with_free_func (g_object_unref);
  self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_no_errno (bind (self->fd, (struct sockaddr *) &address, size));
  g_assert_no_errno (listen (self->fd, (int) n_workers));

  for (guint i = 0; i < n_workers; i++)
    g_ptr_array_add (self->futures, pool_submit (executor, "hold", g_variant_new_string (name)));
  for (guint i = 0; i < n_workers; i++)
    {
      int visitor = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC);

      g_assert_cmpint (visitor, >=, 0);
      g_array_append_val (self->visitors, visitor);
    }

  return self;
}

void
pool_gate_open (PoolGate *self)
{
  for (guint i = 0; i < self->visitors->len; i++)
    close (g_array_index (self->visitors, int, i));
  close (self->fd);
  g_array_unref (self->visitors);
  g_ptr_array_unref (self->futures);
  g_free (self);
}
