/* spawned-test.c: whose worker a process is
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-spawned-private.h"

#include "nothing-left.h"
#include "ppool-error.h"
#include "privileged.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_FD 7
#define PIPE_FD   8
#define PEER_FD   9

static const char *program;

/* What the process that is looked at says; one way each. */

static gboolean
has_variables (void)
{
  return getenv (PPOOL_ENV_WORKER_FD) != NULL || getenv (PPOOL_ENV_WORKER_SOCKET) != NULL;
}

static int
probe_life (void)
{
  g_autoptr (GError) error = NULL;
  int fd;

  printf ("spawned %d\n", ppool_spawned_by_pool ());
  fd = ppool_spawned_take_fd ();
  printf ("fd %d\n", fd);
  if (fd >= 0)
    printf ("cloexec %d\n", (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0);
  printf ("again %d\n", ppool_spawned_take_fd ());

  printf ("check %d\n", ppool_spawned_check (&error));
  if (error != NULL)
    {
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
      g_assert_nonnull (strstr (error->message, "ppool_worker_is_spawned()"));
      g_assert_nonnull (strstr (error->message, "run the worker first, and leave"));
    }

  ppool_spawned_set_serving (TRUE);
  printf ("serving %d\n", ppool_spawned_check (NULL));
  ppool_spawned_set_serving (FALSE);
  printf ("served %d\n", ppool_spawned_check (NULL));
  printf ("variables %s\n", has_variables () ? "left" : "gone");

  return 0;
}

/* A pool is told of a mistake of its worker's, and the worker has no channel then. */
static int
probe_refusal (void)
{
  char text[64] = { '\0' };
  struct stat st;

  printf ("spawned %d\n", ppool_spawned_by_pool ());
  printf ("check %d\n", ppool_spawned_check (NULL));
  printf ("check %d\n", ppool_spawned_check (NULL));
  printf ("fd %d\n", ppool_spawned_take_fd ());
  printf ("closed %d\n", fstat (SOCKET_FD, &st) != 0);
  g_assert_cmpint (recv (PEER_FD, text, sizeof text - 1, MSG_DONTWAIT), >, 0);
  g_assert_cmpstr (text, ==, PPOOL_SPAWNED_REFUSAL);
  g_assert_cmpint (recv (PEER_FD, text, sizeof text - 1, MSG_DONTWAIT), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);

  return 0;
}

static int
probe_fork (void)
{
  pid_t pid;
  int status = 0;

  ppool_spawned_set_serving (TRUE);
  pid = fork ();
  if (pid == 0)
    {
      gboolean stranger = !ppool_spawned_by_pool () && ppool_spawned_take_fd () == -1
                          && ppool_spawned_check (NULL);

      _exit (stranger ? 0 : 1);
    }

  waitpid (pid, &status, 0);
  printf ("fork %d\n", status);
  printf ("fd %d\n", ppool_spawned_take_fd ());

  return 0;
}

static gpointer
take_thread (gpointer user_data)
{
  return GINT_TO_POINTER (ppool_spawned_take_fd ());
}

static int
probe_threads (void)
{
  GThread *threads[8];
  int n_taken = 0;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("take", take_thread, NULL);
  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    n_taken += GPOINTER_TO_INT (g_thread_join (threads[i])) == SOCKET_FD;
  printf ("taken %d\n", n_taken);

  return 0;
}

/* To be loaded changes nothing that a thread may be reading. */
static int
probe_early (void)
{
  gboolean early = has_variables ();

  ppool_spawned_by_pool ();
  printf ("variables %s %s\n", early ? "left" : "gone", has_variables () ? "left" : "gone");

  return 0;
}

/* What this program, which somebody else may use, does for whom. */
static int
probe_trust (void)
{
  g_autoptr (GError) error = NULL;

  printf ("secure %d\n", getauxval (AT_SECURE) != 0);
  printf ("spawned %d\n", ppool_spawned_by_pool ());
  printf ("trust %d\n", ppool_spawned_check_trust (&error));
  if (error != NULL)
    {
      g_assert_error (error, PPOOL_ERROR, PPOOL_ERROR_LAUNCH);
      g_assert_nonnull (strstr (error->message, "more privileges"));
    }
  printf ("fd %d\n", ppool_spawned_take_fd ());

  return 0;
}

static int
probe (const char *name)
{
  if (g_str_equal (name, "early"))
    return probe_early ();
  if (g_str_equal (name, "trust"))
    return probe_trust ();
  if (g_str_equal (name, "life"))
    return probe_life ();
  if (g_str_equal (name, "refusal"))
    return probe_refusal ();
  if (g_str_equal (name, "fork"))
    return probe_fork ();

  return probe_threads ();
}

/* Runs a probe with such variables; “INODE” stands for the socket's. */
static char *
run (const char *path,
     const char *name,
     const char *fd_text,
     const char *inode_text)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GSubprocess) subprocess = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *inode = NULL;
  char *output = NULL;
  int socket_fds[2], pipe_fds[2];
  struct stat st;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_fds), ==, 0);
  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (fstat (socket_fds[0], &st), ==, 0);
  inode = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) st.st_ino);

  if (fd_text != NULL)
    g_subprocess_launcher_setenv (launcher, PPOOL_ENV_WORKER_FD, fd_text, TRUE);
  if (inode_text != NULL)
    g_subprocess_launcher_setenv (launcher, PPOOL_ENV_WORKER_SOCKET,
                                  g_str_equal (inode_text, "INODE") ? inode : inode_text, TRUE);
  g_subprocess_launcher_take_fd (launcher, socket_fds[0], SOCKET_FD);
  g_subprocess_launcher_take_fd (launcher, pipe_fds[0], PIPE_FD);
  g_subprocess_launcher_take_fd (launcher, socket_fds[1], PEER_FD);

  subprocess = g_subprocess_launcher_spawn (launcher, &error, path, "--probe", name, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (subprocess, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (subprocess));

  close (pipe_fds[1]);

  return output;
}

static void
assert_output (const char *name,
               const char *fd_text,
               const char *inode_text,
               const char *expected)
{
  Leftovers *leftovers = leftovers_new ();
  g_autofree char *output = run (program, name, fd_text, inode_text);

  g_assert_cmpstr (output, ==, expected);

  assert_nothing_left (leftovers);
}

#define LIFE_OF_A_STRANGER \
  "spawned 0\nfd -1\nagain -1\ncheck 1\nserving 1\nserved 1\n"

#define LIFE_OF_A_WORKER \
  "spawned 1\nfd 7\ncloexec 1\nagain -1\ncheck 0\nserving 1\nserved 0\nvariables gone\n"

static void
test_worker (void)
{
  assert_output ("life", G_STRINGIFY (SOCKET_FD), "INODE", LIFE_OF_A_WORKER);
}

static void
test_stranger (void)
{
  assert_output ("life", NULL, NULL, LIFE_OF_A_STRANGER "variables gone\n");
  assert_output ("life", G_STRINGIFY (SOCKET_FD), NULL, LIFE_OF_A_STRANGER "variables left\n");
  assert_output ("life", NULL, "INODE", LIFE_OF_A_STRANGER "variables left\n");
}

/* The number is right, but something else is open there. */
static void
test_other_file (void)
{
  assert_output ("life", G_STRINGIFY (SOCKET_FD), "1", LIFE_OF_A_STRANGER "variables left\n");
  assert_output ("life", G_STRINGIFY (PIPE_FD), "INODE", LIFE_OF_A_STRANGER "variables left\n");
  assert_output ("life", "0", "INODE", LIFE_OF_A_STRANGER "variables left\n");
  assert_output ("life", "99", "INODE", LIFE_OF_A_STRANGER "variables left\n");
}

static void
test_nonsense (void)
{
  const char *texts[] = { "", " 7", "7 ", "+7", "-1", "7x", "x", "0x7", "4294967303", "stdio",
                          "99999999999999999999999", };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      assert_output ("life", texts[i], "INODE", LIFE_OF_A_STRANGER "variables left\n");
      assert_output ("life", G_STRINGIFY (SOCKET_FD), texts[i],
                     LIFE_OF_A_STRANGER "variables left\n");
    }
}

static void
test_refusal (void)
{
  assert_output ("refusal", G_STRINGIFY (SOCKET_FD), "INODE",
                 "spawned 1\ncheck 0\ncheck 0\nfd -1\nclosed 1\n");
}

static void
test_fork (void)
{
  assert_output ("fork", G_STRINGIFY (SOCKET_FD), "INODE", "fork 0\nfd 7\n");
}

static void
test_threads (void)
{
  assert_output ("threads", G_STRINGIFY (SOCKET_FD), "INODE", "taken 1\n");
}

static void
test_early (void)
{
  assert_output ("early", G_STRINGIFY (SOCKET_FD), "INODE", "variables left left\n");
}

static void
assert_trust (const char *path,
              const char *expected)
{
  g_autofree char *output = run (path, "trust", G_STRINGIFY (SOCKET_FD), "INODE");

  if (g_str_has_prefix (output, "secure 0"))
    g_test_skip ("programs get no privileges here");
  else
    g_assert_cmpstr (output, ==, expected);
}

#define TRUSTED   "secure 1\nspawned 1\ntrust 1\nfd 7\n"
#define UNTRUSTED "secure 1\nspawned 1\ntrust 0\nfd -1\n"

static void
test_set_user_id (void)
{
  g_autofree char *copy = NULL;

  if (!privileged_can_be_made ())
    {
      g_test_skip ("only the superuser can make such programs");
      return;
    }

  copy = privileged_copy (program, 04755, NULL);

  /* Whoever runs it could be the pool. */
  privileged_enter ();
  assert_trust (copy, UNTRUSTED);

  /* The pool is this program, which has the privileges. */
  g_assert_no_errno (setresuid (PRIVILEGED_NOBODY, 0, 0));
  assert_trust (copy, TRUSTED);
  privileged_leave ();

  privileged_remove (copy);
}

static void
test_set_group_id (void)
{
  g_autofree char *copy = NULL;

  if (!privileged_can_be_made ())
    {
      g_test_skip ("only the superuser can make such programs");
      return;
    }

  copy = privileged_copy (program, 02755, NULL);
  privileged_enter ();
  assert_trust (copy, UNTRUSTED);
  privileged_leave ();
  privileged_remove (copy);
}

static void
test_capabilities (void)
{
  g_autofree char *copy = NULL;

  if (privileged_can_be_made ())
    copy = privileged_copy (program, 0755, "cap_net_bind_service+ep");
  if (copy == NULL)
    {
      g_test_skip ("no program with file capabilities can be made here");
      return;
    }

  privileged_enter ();
  assert_trust (copy, UNTRUSTED);
  privileged_leave ();
  privileged_remove (copy);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--probe"))
    return probe (argv[2]);

  scratch_init ();
  g_test_init (&argc, &argv, NULL);
  program = argv[0];

  keep_what_glib_keeps ();

  g_test_add_func ("/spawned/worker", test_worker);
  g_test_add_func ("/spawned/stranger", test_stranger);
  g_test_add_func ("/spawned/other-file", test_other_file);
  g_test_add_func ("/spawned/nonsense", test_nonsense);
  g_test_add_func ("/spawned/early", test_early);
  g_test_add_func ("/spawned/refusal", test_refusal);
  g_test_add_func ("/spawned/fork", test_fork);
  g_test_add_func ("/spawned/threads", test_threads);

  g_test_add_func ("/spawned/privileged/set-user-id", test_set_user_id);
  g_test_add_func ("/spawned/privileged/set-group-id", test_set_group_id);
  g_test_add_func ("/spawned/privileged/capabilities", test_capabilities);

  return g_test_run ();
}
