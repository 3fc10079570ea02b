/* bad-worker.c: a worker that does, well or badly, what a call says
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bad-functions.h"
#include "common-functions.h"
#include "gate.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char **arguments;
static GVariant *remembered; /* (owned) (nullable) */
static guint n_remembered;
static GSList *hoard; /* (owned) (element-type PPoolInvocation) */

static GVariant *
add (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  gint64 a, b;

  g_variant_get (args, "(xx)", &a, &b);

  return g_variant_new_int64 (a + b);
}

static GVariant *
type_of_args (PPoolInvocation  *invocation,
              GVariant         *args,
              gpointer          user_data,
              GError          **error)
{
  g_assert_true (args == ppool_invocation_get_args (invocation));
  g_assert_cmpstr (ppool_invocation_get_function (invocation), ==, "type");

  return g_variant_new_string (g_variant_get_type_string (args));
}

static GVariant *
pid (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  return g_variant_new_uint32 (getpid ());
}

static GVariant *
gate (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  const char *path;
  g_autofree char *answer = NULL;

  g_variant_get_child (args, 0, "&s", &path);
  answer = gate_pass (path);

  return g_variant_new_string (answer);
}

static GVariant *
append_line (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  const char *path, *line;
  g_autofree char *text = NULL;
  int fd;

  g_variant_get (args, "(&s&s)", &path, &line);
  text = g_strdup_printf ("%s\n", line);
  fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (ssize_t) strlen (text));
  close (fd);

  return g_variant_new ("()");
}

static GVariant *
allocate (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  guint64 size;
  char *data;

  g_variant_get (args, "(t)", &size);
  data = g_malloc0 (size);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
}

/* How many bytes of memory the process has. */
static GVariant *
resident (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  g_autofree char *statm = NULL;
  guint64 n_pages;

  g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL);
  n_pages = g_ascii_strtoull (strchr (statm, ' '), NULL, 10);

  return g_variant_new_uint64 (n_pages * sysconf (_SC_PAGESIZE));
}

/* A value in so many variants. */
static GVariant *
wrap (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  GVariant *value = g_variant_new_int32 (7);
  guint32 depth;

  g_variant_get (args, "(u)", &depth);
  for (guint i = 0; i < depth; i++)
    value = g_variant_new_variant (value);

  return value;
}

/* An initializer: keeps its arguments for others to see. */
static GVariant *
remember (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  g_clear_pointer (&remembered, g_variant_unref);
  remembered = g_variant_ref (args);
  n_remembered++;

  return g_variant_new_string ("for nobody");
}

/* How often something was remembered, and what it was last. */
static GVariant *
recall (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  return g_variant_new ("(uv)", n_remembered,
                        remembered != NULL ? remembered : g_variant_new_string ("nothing"));
}

/* The type of what was remembered, and a checksum of its bytes. */
static GVariant *
checksum (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  g_autofree char *sum = g_compute_checksum_for_data (
    G_CHECKSUM_MD5, g_variant_get_data (remembered), g_variant_get_size (remembered));

  return g_variant_new ("(ss)", g_variant_get_type_string (remembered), sum);
}

static GVariant *
write_stderr (PPoolInvocation  *invocation,
              GVariant         *args,
              gpointer          user_data,
              GError          **error)
{
  guint32 n;
  const char *end;

  g_variant_get (args, "(u&s)", &n, &end);
  for (guint i = 0; i < n; i++)
    fputs ("A line that says nothing.\n", stderr);
  fprintf (stderr, "%s\n", end);

  return g_variant_new ("()");
}

static void
insert_status (GVariantDict *dict)
{
  static const char * const keys[] = { "SigBlk", "SigIgn", "SigCgt" };
  g_autofree char *status = NULL;

  g_file_get_contents ("/proc/self/status", &status, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *line = strstr (status, keys[i]);

      g_variant_dict_insert (dict, keys[i], "t",
                             g_ascii_strtoull (line + strlen (keys[i]) + 1, NULL, 16));
    }
}

static void
insert_descriptors (GVariantDict *dict)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  g_auto (GVariantDict) descriptors = G_VARIANT_DICT_INIT (NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (target != NULL && !g_str_has_suffix (target, "/fd"))
        g_variant_dict_insert (&descriptors, name, "s", target);
    }
  g_variant_dict_insert_value (dict, "descriptors", g_variant_dict_end (&descriptors));
}

/* What a worker has got from its pool, as a vardict. */
static GVariant *
describe (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  g_auto (GStrv) env = g_get_environ ();
  g_autofree char *cwd = g_get_current_dir ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  insert_status (&dict);
  insert_descriptors (&dict);
  g_variant_dict_insert (&dict, "pid", "i", getpid ());
  g_variant_dict_insert (&dict, "ppid", "i", getppid ());
  g_variant_dict_insert (&dict, "session", "i", getsid (0));
  g_variant_dict_insert (&dict, "group", "i", getpgrp ());
  g_variant_dict_insert (&dict, "cwd", "s", cwd);
  g_variant_dict_insert (&dict, "argv", "^aay", arguments);
  g_variant_dict_insert (&dict, "environ", "^aay", env);

  return g_variant_dict_end (&dict);
}

/* Runs this very program as a child; it says whether it is somebody's worker. */
static GVariant *
grandchild (PPoolInvocation  *invocation,
            GVariant         *args,
            gpointer          user_data,
            GError          **error)
{
  char *argv[] = { arguments[0], (char[]){ "--is-spawned" }, NULL };
  g_autofree char *output = NULL;

  if (!g_spawn_sync (NULL, argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, &output, NULL,
                     NULL, error))
    return NULL;

  return g_variant_new_string (output);
}

/* Calls a function in a pool of its own. */
static GVariant *
nested (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  const char *function;
  gboolean self;
  g_autoptr (GVariant) inner_args = NULL;
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  GVariant *value;

  g_variant_get (args, "(b&sv)", &self, &function, &inner_args);
  launcher = self ? ppool_launcher_new_self ()
                  : ppool_launcher_new ((const char *[]){ arguments[0], NULL });
  ppool_launcher_set_stderr_mode (launcher, PPOOL_STDERR_MODE_DISCARD);
  executor = ppool_executor_new (launcher);
  ppool_executor_set_max_workers (executor, 2);

  value = ppool_executor_call_sync (executor, function, inner_args, NULL, error);
  ppool_executor_shutdown_sync (executor, PPOOL_SHUTDOWN_FLAGS_NONE, NULL, NULL);

  return value;
}

/* Handlers. */

static void
drop (PPoolInvocation *invocation,
      gpointer         user_data)
{
}

static gboolean
later_cb (gpointer user_data)
{
  PPoolInvocation *invocation = user_data;

  ppool_invocation_return_value (invocation, ppool_invocation_get_args (invocation));

  return G_SOURCE_REMOVE;
}

static void
later (PPoolInvocation *invocation,
       gpointer         user_data)
{
  g_idle_add_full (G_PRIORITY_LOW, later_cb, g_object_ref (invocation), g_object_unref);
}

/* Answers, and keeps the invocation as a garbage collector does. */
static void
keep (PPoolInvocation *invocation,
      gpointer         user_data)
{
  GVariant *args = ppool_invocation_get_args (invocation);

  hoard = g_slist_prepend (hoard, g_object_ref (invocation));
  ppool_invocation_return_value (invocation, g_variant_new_string ("kept"));

  /* They are there as long as the handler runs. */
  g_assert_cmpuint (g_variant_get_size (args), >, 0);
  g_assert_true (g_variant_is_of_type (ppool_invocation_get_args (invocation),
                                       G_VARIANT_TYPE_UNIT));
}

static gboolean
gate_opened_cb (int          fd,
                GIOCondition condition,
                gpointer     user_data)
{
  close (fd);
  later_cb (user_data);

  return G_SOURCE_REMOVE;
}

/* Answers when the gate opens; the main loop runs until then. */
static void
later_at_gate (PPoolInvocation *invocation,
               gpointer         user_data)
{
  const char *path;

  g_variant_get_child (ppool_invocation_get_args (invocation), 0, "&s", &path);
  g_unix_fd_add_full (G_PRIORITY_DEFAULT, gate_enter (path), G_IO_IN | G_IO_HUP, gate_opened_cb,
                      g_object_ref (invocation), g_object_unref);
}

static gpointer
answer_thread (gpointer user_data)
{
  g_autoptr (PPoolInvocation) invocation = user_data;

  later_cb (invocation);

  return NULL;
}

static void
from_thread (PPoolInvocation *invocation,
             gpointer         user_data)
{
  g_thread_unref (g_thread_new ("answer", answer_thread, g_object_ref (invocation)));
}

static void
twice (PPoolInvocation *invocation,
       gpointer         user_data)
{
  later_cb (invocation);
  ppool_invocation_return_value (invocation, g_variant_new_string ("second"));
}

static void
fail_by_literal (PPoolInvocation *invocation,
                 gpointer         user_data)
{
  ppool_invocation_return_error_literal (invocation, G_IO_ERROR, G_IO_ERROR_BUSY, "literally");
}

static void
fail_by_gerror (PPoolInvocation *invocation,
                gpointer         user_data)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "by value");

  ppool_invocation_return_gerror (invocation, error);
}

static gboolean
handle_call_cb (PPoolWorker     *worker,
                PPoolInvocation *invocation,
                gpointer         user_data)
{
  if (!g_str_has_prefix (ppool_invocation_get_function (invocation), "signal-"))
    return FALSE;

  later_cb (invocation);

  return TRUE;
}

static const NamedFunction good_functions[] = {
  { "echo", common_echo },
  { "add", add },
  { "type", type_of_args },
  { "pid", pid },
  { "gate", gate },
  { "append", append_line },
  { "allocate", allocate },
  { "resident", resident },
  { "wrap", wrap },
  { "remember", remember },
  { "recall", recall },
  { "checksum", checksum },
  { "stderr", write_stderr },
  { "describe", describe },
  { "grandchild", grandchild },
  { "nested", nested },
  { NULL },
};

static const struct
{
  const char *name;
  PPoolHandler func;
} handlers[] = {
  { "drop", drop },
  { "later", later },
  { "later-at-gate", later_at_gate },
  { "keep", keep },
  { "from-thread", from_thread },
  { "twice", twice },
  { "fail-by-literal", fail_by_literal },
  { "fail-by-gerror", fail_by_gerror },
};

static void
add_functions (PPoolWorker         *worker,
               const NamedFunction *functions)
{
  for (const NamedFunction *f = functions; f->name != NULL; f++)
    ppool_worker_add_function (worker, f->name, f->func, NULL, NULL);
}

/* A worker that is killed while a sanitizer looks for leaks in it is not reaped:
 * GLib takes a process that is traced for one that is gone. */
int __lsan_is_turned_off (void);

int
__lsan_is_turned_off (void)
{
  return TRUE;
}

/* Some of the workers of such a pool have few features, and some all but a lane. */
static void
choose_features (void)
{
  const char *features[] = { NULL, "gvariant",
                             "gvariant,board,frames,segments,cancel,call-options" };
  const char *chosen = features[getpid () % (int) G_N_ELEMENTS (features)];

  if (g_strcmp0 (g_getenv ("BAD_WORKER_FEATURES"), "mixed") == 0 && chosen != NULL)
    g_setenv ("PPOOL_FEATURES", chosen, TRUE);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (PPoolWorker) worker = NULL;

  arguments = argv;
  if (g_strcmp0 (argv[1], "--is-spawned") == 0)
    {
      g_print ("%s", ppool_worker_is_spawned () ? "spawned" : "not spawned");
      return 0;
    }

  choose_features ();
  worker = ppool_worker_new ();
  add_functions (worker, good_functions);
  add_functions (worker, bad_functions);
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    ppool_worker_add_handler (worker, handlers[i].name, handlers[i].func, NULL, NULL);
  if (g_strcmp0 (argv[1], "--handle-call") == 0)
    g_signal_connect (worker, "handle-call", G_CALLBACK (handle_call_cb), NULL);

  return ppool_worker_run (worker, NULL);
}
