/* harness.c: what every test of the public API needs, and checks at its end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "harness.h"

#include "scratch.h"

#include <locale.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* How often a condition is looked at for which there is no event. */
#define TICK_MSEC 2

static int n_tracked; /* (atomic) */

/* Waiting. */

static gboolean
tick_cb (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
iterate_until (gboolean (*condition) (gpointer user_data),
               gpointer   user_data,
               gint64     timeout_msec)
{
  GMainContext *context = g_main_context_ref_thread_default ();
  g_autoptr (GSource) tick = g_timeout_source_new (TICK_MSEC);
  gint64 end = g_get_monotonic_time () + timeout_msec * G_TIME_SPAN_MILLISECOND;
  gboolean is_true;

  g_source_set_callback (tick, tick_cb, NULL, NULL);
  g_source_attach (tick, context);
  while (!(is_true = condition (user_data)) && g_get_monotonic_time () < end)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (tick);
  g_main_context_unref (context);

  return is_true;
}

void
harness_iterate_until (gboolean (*condition) (gpointer user_data),
                       gpointer   user_data)
{
  if (!iterate_until (condition, user_data, PATIENCE_SECONDS * 1000))
    g_error ("Waited for nothing");
}

static gboolean
has_ended (gpointer user_data)
{
  return !leftovers_is_running (*(int *) user_data);
}

/* Waits for the end of any process, a child or not. */
void
harness_wait_for_process (int   pid,
                          guint timeout_msec)
{
  if (!iterate_until (has_ended, &pid, timeout_msec))
    g_error ("Process %d is still there after %u ms", pid, timeout_msec);
}

static gboolean
has_reaped (gpointer user_data)
{
  return waitpid (*(int *) user_data, NULL, WNOHANG) > 0;
}

/* For a process that was left behind by a child of ours; -1 if there is but one. */
void
harness_reap_orphan (int pid)
{
  harness_iterate_until (has_reaped, &pid);
}

gboolean
harness_is_clean (Harness *harness)
{
  return g_atomic_int_get (&n_tracked) == 0 && leftovers_is_clean (harness->leftovers);
}

char *
harness_report (Harness *harness)
{
  g_autofree char *report = leftovers_report (harness->leftovers);

  return g_strdup_printf ("%d objects, %s", g_atomic_int_get (&n_tracked), report);
}

static gboolean
is_clean (gpointer user_data)
{
  return harness_is_clean (user_data);
}

static void
assert_clean (Harness *harness)
{
  g_autofree char *report = NULL;

  if (iterate_until (is_clean, harness, PATIENCE_SECONDS * 1000))
    return;

  report = harness_report (harness);
  g_error ("Left behind: %s", report);
}

/* Tests. */

typedef struct
{
  HarnessFunc func;
  HarnessDataFunc data_func;
  gconstpointer data;
} Case;

static GPtrArray *cases; /* (owned) (element-type Case): for good */

static void
set_up (Harness       *harness,
        gconstpointer  data)
{
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
  harness->dir = g_build_filename (scratch_get (), "test", NULL);
  g_assert_no_errno (g_mkdir (harness->dir, 0700));
  harness->files = g_ptr_array_new_with_free_func (g_free);
  harness->leftovers = leftovers_new ();
}

static void
run (Harness       *harness,
     gconstpointer  data)
{
  const Case *test = data;

  if (test->func != NULL)
    test->func (harness);
  else
    test->data_func (harness, test->data);
  assert_clean (harness);
}

static void
tear_down (Harness       *harness,
           gconstpointer  data)
{
  for (guint i = 0; i < harness->files->len; i++)
    g_unlink (g_ptr_array_index (harness->files, i));
  g_rmdir (harness->dir);
  scratch_assert_empty ();

  g_ptr_array_unref (harness->files);
  g_free (harness->dir);
  leftovers_free (harness->leftovers);
}

/* GLib opens a few descriptors when it needs them and keeps them. */
static void
warm_up (void)
{
  PPoolExecutor *executor = harness_executor (1);

  harness_assert_works (executor);
  harness_shut_down (executor);
  g_object_unref (executor);
}

void
harness_init (int    *argc,
              char ***argv)
{
  setlocale (LC_ALL, "");
  scratch_init ();
  g_test_init (argc, argv, NULL);

  /* What a worker leaves behind shows up as a child of the test. */
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));

  warm_up ();
}

static void
add (const char      *path,
     HarnessFunc      func,
     HarnessDataFunc  data_func,
     gconstpointer    data)
{
  Case *test = g_new0 (Case, 1);

  test->func = func;
  test->data_func = data_func;
  test->data = data;
  if (cases == NULL)
    cases = g_ptr_array_new ();
  g_ptr_array_add (cases, test);
  g_test_add (path, Harness, test, set_up, run, tear_down);
}

void
harness_add (const char  *path,
             HarnessFunc  func)
{
  add (path, func, NULL, NULL);
}

/* @data is not copied. */
void
harness_add_with_data (const char      *path,
                       HarnessDataFunc  func,
                       gconstpointer    data)
{
  add (path, NULL, func, data);
}

/* Of a file that is removed with the test, if it is there. */
char *
harness_path (Harness    *harness,
              const char *name)
{
  char *path = g_build_filename (harness->dir, name, NULL);

  g_ptr_array_add (harness->files, g_strdup (path));

  return path;
}

static void
finalized_cb (gpointer  user_data,
              GObject  *object)
{
  g_atomic_int_add (&n_tracked, -1);
}

/* The test fails if @object is still alive when it has ended. */
gpointer
harness_track (gpointer object)
{
  g_atomic_int_inc (&n_tracked);
  g_object_weak_ref (object, finalized_cb, NULL);

  return object;
}

/* Executors. */

char *
harness_program (const char *name)
{
  return g_test_build_filename (G_TEST_BUILT, "workers", name, NULL);
}

PPoolLauncher *
harness_launcher (void)
{
  g_autofree char *program = harness_program ("bad-worker");
  PPoolLauncher *launcher = ppool_launcher_new ((const char *[]){ program, NULL });

  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);

  return launcher;
}

PPoolLauncher *
harness_raw_launcher (const char *first_step,
                      ...)
{
  g_autofree char *program = harness_program ("raw-worker");
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  PPoolLauncher *launcher;
  va_list steps;

  g_ptr_array_add (argv, program);
  va_start (steps, first_step);
  for (const char *step = first_step; step != NULL; step = va_arg (steps, const char *))
    g_ptr_array_add (argv, (char *) step);
  va_end (steps);
  g_ptr_array_add (argv, NULL);

  launcher = ppool_launcher_new ((const char * const *) argv->pdata);
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);

  return launcher;
}

/* Takes @launcher. */
PPoolExecutor *
harness_executor_on (PPoolLauncher *launcher,
                     guint          max_workers)
{
  PPoolExecutor *executor = harness_track (ppool_executor_new (harness_track (launcher)));

  ppool_executor_set_max_workers (executor, max_workers);
  g_object_unref (launcher);

  return executor;
}

PPoolExecutor *
harness_executor (guint max_workers)
{
  return harness_executor_on (harness_launcher (), max_workers);
}

/* Calls. */

PPoolFuture *
harness_submit (PPoolExecutor *executor,
                const char    *function,
                GVariant      *args)
{
  g_autoptr (GError) error = NULL;
  PPoolFuture *future = ppool_executor_submit (executor, function, args, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (future);

  return harness_track (future);
}

PPoolFuture *
harness_submit_gate (PPoolExecutor *executor,
                     Gate          *gate)
{
  return harness_submit (executor, "gate", g_variant_new ("(s)", gate_get_path (gate)));
}

PPoolFuture *
harness_submit_limited (PPoolExecutor *executor,
                        const char    *function,
                        GVariant      *args,
                        int            timeout_msec)
{
  g_autoptr (PPoolCall) call = ppool_call_new (function, args);
  g_autoptr (GError) error = NULL;
  PPoolFuture *future;

  ppool_call_set_timeout_msec (call, timeout_msec);
  future = ppool_executor_submit_call (executor, call, NULL, &error);
  g_assert_no_error (error);

  return harness_track (future);
}

GVariant *
harness_result (PPoolFuture *future)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);

  g_assert_no_error (error);
  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));

  return value;
}

GError *
harness_failure (PPoolFuture *future)
{
  GError *error = NULL;
  GVariant *value = ppool_future_result (future, PATIENCE_SECONDS * 1000, &error);

  g_assert_null (value);
  g_assert_nonnull (error);
  g_assert_true (ppool_future_is_done (future));

  return error;
}

/* Two numbers, in the size that they are read in. */
GVariant *
harness_pair (gint64 first,
              gint64 second)
{
  return g_variant_new ("(xx)", first, second);
}

void
harness_assert_works (PPoolExecutor *executor)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "add", harness_pair (40, 2));

  harness_assert_value (future, "int64 42");
}

/* Nothing is broken, and a call runs. */
void
harness_assert_running (PPoolExecutor *executor)
{
  g_autoptr (GError) error = ppool_executor_get_error (executor);

  g_assert_no_error (error);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_RUNNING);
  harness_assert_works (executor);
}

/* Of a worker that is idle. */
guint
harness_worker_pid (PPoolExecutor *executor)
{
  g_autoptr (PPoolFuture) future = harness_submit (executor, "pid", NULL);
  g_autoptr (GVariant) value = harness_result (future);

  g_assert_cmpuint (ppool_future_get_worker_pid (future), ==, g_variant_get_uint32 (value));

  return g_variant_get_uint32 (value);
}

void
harness_shut_down (PPoolExecutor *executor)
{
  g_autoptr (GError) error = NULL;
  gboolean success = ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL,
                                                   &error);

  g_assert_no_error (error);
  g_assert_true (success);
}

static void
assert_message (const GError *error,
                va_list       parts)
{
  const char *part;

  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  while ((part = va_arg (parts, const char *)) != NULL)
    if (strstr (error->message, part) == NULL)
      g_error ("“%s” is missing in the message “%s”", part, error->message);
}

/* The rest are texts that the message must have. */
void
harness_assert_error (const GError *error,
                      GQuark        domain,
                      int           code,
                      ...)
{
  va_list parts;

  g_assert_error (error, domain, code);
  va_start (parts, code);
  assert_message (error, parts);
  va_end (parts);
}

/* As the end of the name of its code. */
static void
assert_names_cause (const GError *error,
                    int           cause)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (PPOOL_TYPE_ERROR);
  const char *name = g_enum_get_value (klass, cause)->value_name;

  g_assert_true (g_str_has_prefix (name, "PPOOL_ERROR_"));
  g_assert_nonnull (strstr (error->message, name + strlen ("PPOOL_ERROR_")));
}

/* The pool is broken for that reason, and says so in every way. */
void
harness_assert_broken (PPoolExecutor *executor,
                       PPoolFuture   *future,
                       int            cause,
                       ...)
{
  g_autoptr (GError) failure = harness_failure (future);
  g_autoptr (GError) refusal = NULL;
  g_autoptr (GError) reason = ppool_executor_get_error (executor);
  PPoolFuture *refused = ppool_executor_submit (executor, "echo", NULL, NULL, &refusal);
  const GError *errors[] = { failure, refusal, reason };

  g_test_message ("%s", failure->message);
  g_assert_null (refused);
  g_assert_error (failure, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_assert_error (refusal, PPOOL_ERROR, PPOOL_ERROR_BROKEN);
  g_assert_error (reason, PPOOL_ERROR, cause);
  assert_names_cause (failure, cause);
  assert_names_cause (refusal, cause);
  g_assert_cmpint (ppool_executor_get_state (executor), ==, PPOOL_EXECUTOR_STATE_BROKEN);

  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      va_list parts;

      va_start (parts, cause);
      assert_message (errors[i], parts);
      va_end (parts);
    }
}

void
harness_allow_warnings (void)
{
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
}
