/* worker-functions.c: what the workers of the worker's test can do
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "worker-functions.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

static PPoolInvocation *held; /* (owned) (nullable) */
static gboolean nesting;
static gboolean released;
static gint64 n_destroyed;
static gint64 n_freed;
static gint64 n_ticks;
static GPtrArray *kept; /* (owned) (nullable) (element-type PPoolInvocation) */

static void
say (const char *line)
{
  g_print ("%s\n", line);
}

static void
count_destroyed (gpointer data)
{
  n_destroyed++;
}

static void
count_freed (gpointer data)
{
  n_freed++;
}

/* Functions */

static GVariant *
echo (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_assert_true (args == ppool_invocation_get_args (invocation));
  g_assert_cmpstr (ppool_invocation_get_function (invocation), ==, "echo");

  return g_variant_ref (args);
}

static GVariant *
floating (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  return g_variant_new ("(msi)", NULL, 7);
}

static GVariant *
fail (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "not here");

  return NULL;
}

static GVariant *
fail_like_a_pool (PPoolInvocation  *invocation,
                  GVariant         *args,
                  gpointer          user_data,
                  GError          **error)
{
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_UNKNOWN_FUNCTION, "a forgery");

  return NULL;
}

static GVariant *
fail_with_value (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "and yet");

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, "value", 5, TRUE, count_freed, NULL);
}

static GVariant *
get_freed (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  return g_variant_new_int64 (n_freed);
}

static GVariant *
nothing (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  return NULL;
}

static GVariant *
answer_itself (PPoolInvocation  *invocation,
               GVariant         *args,
               gpointer          user_data,
               GError          **error)
{
  ppool_invocation_return_value (invocation, g_variant_new_string ("itself"));

  return NULL;
}

static GVariant *
produce (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  gsize size = g_variant_get_uint32 (args);
  gpointer data = g_malloc0 (size);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
}

static GVariant *
ignores_sigpipe (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  struct sigaction action;

  sigaction (SIGPIPE, NULL, &action);

  return g_variant_new_boolean (action.sa_handler == SIG_IGN);
}

static GVariant *
spin (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  say ("spinning");
  while (TRUE)
    ;

  return NULL;
}

static GVariant *
nest (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  nesting = TRUE;
  say ("nesting");
  while (!released)
    g_main_context_iteration (NULL, TRUE);
  nesting = FALSE;

  return g_variant_new_boolean (TRUE);
}

/* Returns how often its loop went round. */
static GVariant *
nest_if (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  gint64 n = 0;

  if (g_variant_get_boolean (args))
    {
      say ("nesting");
      for (; !released; n++)
        g_main_context_iteration (NULL, TRUE);
    }

  return g_variant_new_int64 (n);
}

static GVariant *
last (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  gint64 end = g_get_monotonic_time () + g_variant_get_int64 (args);

  while (g_get_monotonic_time () < end)
    ;

  return g_variant_new_int64 (n_ticks);
}

static gboolean
tick_cb (gpointer user_data)
{
  n_ticks++;

  return G_SOURCE_CONTINUE;
}

static GVariant *
tick (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, tick_cb, NULL, NULL);

  return g_variant_new_tuple (NULL, 0);
}

static GVariant *
produce_counted (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, "value", 5, TRUE, count_freed, NULL);
}

/* Whoever keeps an invocation keeps that one. */
static GVariant *
keep (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  if (kept == NULL)
    kept = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < kept->len; i++)
    {
      g_assert_true (kept->pdata[i] != invocation);
      g_assert_cmpstr (ppool_invocation_get_function (kept->pdata[i]), ==, "keep");
      g_assert_true (g_variant_is_of_type (ppool_invocation_get_args (kept->pdata[i]),
                                           G_VARIANT_TYPE_UNIT));
    }
  g_ptr_array_add (kept, g_object_ref (invocation));

  return g_variant_new_uint32 (kept->len);
}

static void
lost_cb (gpointer  data,
         GObject  *object)
{
  count_freed (data);
}

/* What is attached to an invocation goes with it. */
static GVariant *
attach (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  if (g_variant_get_boolean (args))
    g_object_weak_ref (G_OBJECT (invocation), lost_cb, NULL);
  else
    g_object_set_data_full (G_OBJECT (invocation), "test", &n_freed, count_freed);

  return g_variant_new_int64 (n_freed);
}

/* Answers before it returns, and still is one call. */
static void
nest_after_answer (PPoolInvocation *invocation,
                   gpointer         user_data)
{
  ppool_invocation_return_value (invocation, NULL);
  nesting = TRUE;
  say ("nesting");
  while (!released)
    g_main_context_iteration (NULL, TRUE);
  nesting = FALSE;
}

static GVariant *
is_alone (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  return g_variant_new_boolean (held == NULL && !nesting);
}

static GVariant *
replace_itself (PPoolInvocation  *invocation,
                GVariant         *args,
                gpointer          user_data,
                GError          **error)
{
  PPoolWorker *worker = user_data;
  gint64 before = n_destroyed;

  ppool_worker_add_function (worker, "replace-itself", echo, worker, count_destroyed);
  g_assert_cmpint (n_destroyed, ==, before);
  ppool_worker_add_function (worker, "replace-itself", replace_itself, worker, count_destroyed);
  g_assert_cmpint (n_destroyed, ==, before + 1);

  return g_variant_new_int64 (n_destroyed);
}

/* Handlers */

static void
answer_nothing (PPoolInvocation *invocation,
                gpointer         user_data)
{
  ppool_invocation_return_value (invocation, NULL);
}

static void
answer_error (PPoolInvocation *invocation,
              gpointer         user_data)
{
  ppool_invocation_return_error_literal (invocation, G_IO_ERROR, G_IO_ERROR_EXISTS, "it exists");
}

static gboolean
answer_cb (gpointer user_data)
{
  ppool_invocation_return_value (user_data, g_variant_new_string ("later"));

  return G_SOURCE_REMOVE;
}

static void
answer_later (PPoolInvocation *invocation,
              gpointer         user_data)
{
  g_timeout_add_full (G_PRIORITY_LOW, 1, answer_cb, g_object_ref (invocation), g_object_unref);
}

static gpointer
answer_in_thread (gpointer data)
{
  g_autoptr (PPoolInvocation) invocation = data;

  ppool_invocation_return_value (invocation, g_variant_new_string ("thread"));

  return NULL;
}

static void
answer_from_thread (PPoolInvocation *invocation,
                    gpointer         user_data)
{
  g_thread_unref (g_thread_new ("answer", answer_in_thread, g_object_ref (invocation)));
}

static void
drop (PPoolInvocation *invocation,
      gpointer         user_data)
{
}

static gpointer
drop_in_thread (gpointer data)
{
  g_object_unref (data);

  return NULL;
}

static void
drop_from_thread (PPoolInvocation *invocation,
                  gpointer         user_data)
{
  g_thread_unref (g_thread_new ("drop", drop_in_thread, g_object_ref (invocation)));
}

static void
answer_twice (PPoolInvocation *invocation,
              gpointer         user_data)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "second");

  ppool_invocation_return_value (invocation, g_variant_new_string ("first"));

  g_test_expect_message ("PPool", G_LOG_LEVEL_CRITICAL, "*answer-twice*answered before*");
  ppool_invocation_return_value (invocation, g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING,
                                                                      "", 0, TRUE,
                                                                      count_freed, NULL));
  g_test_assert_expected_messages ();
  g_test_expect_message ("PPool", G_LOG_LEVEL_CRITICAL, "*answer-twice*answered before*");
  ppool_invocation_return_gerror (invocation, error);
  g_test_assert_expected_messages ();
}

static void
hold (PPoolInvocation *invocation,
      gpointer         user_data)
{
  held = g_object_ref (invocation);
  say ("holding");
}

static gboolean
release_cb (gpointer user_data)
{
  released = TRUE;
  if (held != NULL)
    {
      ppool_invocation_return_value (held, g_variant_new_string ("released"));
      g_clear_object (&held);
    }

  return G_SOURCE_CONTINUE;
}

/* The signal */

static gboolean
handle_call_cb (PPoolWorker     *worker,
                PPoolInvocation *invocation,
                gpointer         user_data)
{
  const char *name = ppool_invocation_get_function (invocation);

  if (g_str_equal (name, "taken"))
    {
      ppool_invocation_return_value (invocation, g_variant_new_string (user_data));
      return TRUE;
    }

  if (g_str_equal (name, "taken-later"))
    {
      answer_later (invocation, NULL);
      return TRUE;
    }

  if (g_str_equal (name, "answered-and-refused") && g_str_equal (user_data, "first"))
    ppool_invocation_return_value (invocation, g_variant_new_string (user_data));

  return g_str_equal (name, "taken-and-dropped");
}

static const struct
{
  const char *name;
  PPoolFunction function;
} functions[] = {
  { "answer-itself", answer_itself },
  { "attach", attach },
  { "echo", echo },
  { "fail", fail },
  { "fail-like-a-pool", fail_like_a_pool },
  { "fail-with-value", fail_with_value },
  { "floating", floating },
  { "get-freed", get_freed },
  { "ignores-sigpipe", ignores_sigpipe },
  { "is-alone", is_alone },
  { "keep", keep },
  { "last", last },
  { "nest", nest },
  { "nest-if", nest_if },
  { "nothing", nothing },
  { "produce", produce },
  { "produce-counted", produce_counted },
  { "replace-itself", replace_itself },
  { "spin", spin },
  { "tick", tick },
};

static const struct
{
  const char *name;
  PPoolHandler handler;
} handlers[] = {
  { "answer-error", answer_error },
  { "answer-from-thread", answer_from_thread },
  { "answer-later", answer_later },
  { "answer-nothing", answer_nothing },
  { "answer-twice", answer_twice },
  { "drop", drop },
  { "drop-from-thread", drop_from_thread },
  { "hold", hold },
  { "nest-after-answer", nest_after_answer },
};

static PPoolWorker *
new_worker (gboolean with_signal)
{
  PPoolWorker *worker = ppool_worker_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (functions); i++)
    ppool_worker_add_function (worker, functions[i].name, functions[i].function, worker,
                               count_destroyed);
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    ppool_worker_add_handler (worker, handlers[i].name, handlers[i].handler, worker,
                              count_destroyed);
  if (with_signal)
    {
      g_signal_connect (worker, "handle-call", G_CALLBACK (handle_call_cb), (gpointer) "first");
      g_signal_connect (worker, "handle-call", G_CALLBACK (handle_call_cb), (gpointer) "second");
    }

  return worker;
}

static int
run_in_thread_context (PPoolWorker *worker)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  int status;

  g_main_context_push_thread_default (context);
  status = ppool_worker_run (worker, NULL);
  g_main_context_pop_thread_default (context);

  return status;
}

/* Fails, since the thread that made it owns the default context. */
static gpointer
run_in_owned_context (gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ppool_worker_run (data, &error), ==, 1);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);

  return NULL;
}

static void
run_again (PPoolWorker *worker)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ppool_worker_run (worker, &error), ==, 1);
  g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
}

int
worker_functions_run (const char *mode)
{
  PPoolWorker *worker = new_worker (g_str_equal (mode, "signal"));
  guint source = g_unix_signal_add (SIGUSR1, release_cb, NULL);
  gint64 n_before;
  int status;

  if (g_str_equal (mode, "owned-context"))
    {
      g_main_context_acquire (NULL);
      g_thread_join (g_thread_new ("run", run_in_owned_context, worker));
      g_main_context_release (NULL);
    }

  status = g_str_equal (mode, "thread-context") ? run_in_thread_context (worker) :
                                                  ppool_worker_run (worker, NULL);
  if (g_str_equal (mode, "again"))
    run_again (worker);

  g_source_remove (source);
  g_clear_object (&held);
  g_clear_pointer (&kept, g_ptr_array_unref);
  n_before = n_destroyed;
  g_assert_finalize_object (worker);
  g_assert_cmpint (n_destroyed, ==, n_before + G_N_ELEMENTS (functions) + G_N_ELEMENTS (handlers));
  say ("left");

  return status;
}
