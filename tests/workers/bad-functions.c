/* bad-functions.c: functions that fail, and functions that do not come back
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bad-functions.h"

#include "common-functions.h"
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the trampoline puts the channel; its lane is behind that. */
#define CHANNEL_FD 3
#define MAX_FD 64

/* Takes a number, which must not be negative, or waits at a gate; in a variant or
 * not. */
static GVariant *
step (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_autoptr (GVariant) inner =
      g_variant_is_of_type (args, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (args) : NULL;
  GVariant *input = inner != NULL ? inner : args;

  if (g_variant_is_of_type (input, G_VARIANT_TYPE_STRING))
    {
      g_autofree char *answer = gate_pass (g_variant_get_string (input, NULL));

      return g_variant_new_string (answer);
    }

  if (g_variant_get_int64 (input) >= 0)
    return g_variant_ref (input);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A negative number");

  return NULL;
}

/* As many bytes as it is told, said to be trusted, which are no texts. */
static GVariant *
lie (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  gsize size = g_variant_get_uint32 (args);
  g_autofree guint8 *data = g_malloc (size);
  g_autoptr (GBytes) bytes = NULL;

  memset (data, 0xff, size);
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);

  return g_variant_new_from_bytes (G_VARIANT_TYPE_STRING_ARRAY, bytes, TRUE);
}

static GVariant *
fail_in_latin1 (PPoolInvocation  *invocation,
                GVariant         *args,
                gpointer          user_data,
                GError          **error)
{
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "No file caf\xe9.txt");

  return NULL;
}

static GVariant *
fail_at_length (PPoolInvocation  *invocation,
                GVariant         *args,
                gpointer          user_data,
                GError          **error)
{
  guint64 size;
  g_autofree char *message = NULL;

  g_variant_get (args, "(t)", &size);
  message = g_strnfill (size, 'm');
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, message);

  return NULL;
}

static GVariant *
nothing (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  return NULL;
}

/* Functions that do not come back. */

static GVariant *
leave (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  int status;

  g_variant_get (args, "(i)", &status);
  exit (status);
}

static GVariant *
leave_quickly (PPoolInvocation  *invocation,
               GVariant         *args,
               gpointer          user_data,
               GError          **error)
{
  int status;

  g_variant_get (args, "(i)", &status);
  _exit (status);
}

static void
raise_plainly (int signal_number)
{
  if (signal_number != SIGKILL && signal_number != SIGSTOP)
    signal (signal_number, SIG_DFL);
  kill (getpid (), signal_number);
}

/* Says something on its standard error and dies by a signal. */
static GVariant *
die (PPoolInvocation  *invocation,
     GVariant         *args,
     gpointer          user_data,
     GError          **error)
{
  int signal_number;
  const char *last_words;

  g_variant_get (args, "(i&s)", &signal_number, &last_words);
  if (*last_words != '\0')
    fprintf (stderr, "%s\n", last_words);
  raise_plainly (signal_number);

  while (TRUE)
    pause ();

  return NULL;
}

/* Dies in a directory, and leaves a core file there if the system makes any: a small one,
 * with no memory in it. */
static GVariant *
dump_core (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  struct rlimit limit;
  FILE *filter = fopen ("/proc/self/coredump_filter", "we");

  if (filter != NULL)
    {
      fputs ("0", filter);
      fclose (filter);
    }

  getrlimit (RLIMIT_CORE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_CORE, &limit) == 0 && chdir (g_variant_get_string (args, NULL)) == 0)
    raise_plainly (SIGQUIT);

  return NULL;
}

/* The channel, and its lane. */
static void
for_each_socket (void (*func) (int fd))
{
  for (int fd = CHANNEL_FD; fd < MAX_FD; fd++)
    {
      struct stat status;

      if (fstat (fd, &status) == 0 && S_ISSOCK (status.st_mode))
        func (fd);
    }
}

static void
shut_socket (int fd)
{
  shutdown (fd, SHUT_RDWR);
}

static void
write_garbage (int fd)
{
  char bytes[512];

  memset (bytes, 'x', sizeof bytes);
  /* The pool may have had enough after the first socket. */
  if (send (fd, bytes, sizeof bytes, MSG_NOSIGNAL) < 0)
    g_assert_cmpint (errno, ==, EPIPE);
}

static GVariant *
shut_channel (PPoolInvocation  *invocation,
              GVariant         *args,
              gpointer          user_data,
              GError          **error)
{
  for_each_socket (shut_socket);
  while (TRUE)
    pause ();

  return NULL;
}

static GVariant *
garbage (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  for_each_socket (write_garbage);

  return g_variant_new ("()");
}

/* Does what it is told at the gate, in the words of raw-worker. */
static GVariant *
obey (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_autofree char *order = NULL;
  g_auto (GStrv) parts = NULL;
  const char *path, *verb;
  int number;

  g_variant_get_child (args, 0, "&s", &path);
  order = *path != '\0' ? gate_pass (path) : g_strdup ("");
  parts = g_strsplit_set (order, ":;", 3);
  verb = parts[0] != NULL ? parts[0] : "";
  number = *verb != '\0' && parts[1] != NULL ? atoi (parts[1]) : 0;

  if (g_str_equal (verb, "exit"))
    exit (number);
  if (g_str_equal (verb, "kill"))
    raise_plainly (number);
  if (g_str_equal (verb, "murder"))
    kill (number, SIGKILL);
  if (g_str_equal (verb, "close"))
    for_each_socket (shut_socket);
  if (g_str_equal (verb, "garbage"))
    for_each_socket (write_garbage);
  if (g_str_has_prefix (verb, "kill") || g_str_has_suffix (order, ";hang"))
    while (TRUE)
      pause ();
  if (g_str_equal (verb, "return-error"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "as it was told");
      return NULL;
    }

  return g_variant_ref (args);
}

/* Leaves a process behind that holds the channel and the standard error, and
 * dies. */
static GVariant *
die_with_heir (PPoolInvocation  *invocation,
               GVariant         *args,
               gpointer          user_data,
               GError          **error)
{
  const char *path;
  int ends[2];
  char byte;
  int fd;

  g_variant_get_child (args, 0, "&s", &path);
  fd = gate_enter (path);
  g_assert_no_errno (pipe (ends));
  if (fork () == 0)
    {
      char c;

      setsid ();
      close (ends[0]);
      close (ends[1]);
      while (read (fd, &c, 1) > 0)
        ;
      _exit (0);
    }
  /* What is still in the group of a worker that dies ends with it. */
  close (ends[1]);
  while (read (ends[0], &byte, 1) > 0)
    ;
  kill (getpid (), SIGKILL);

  return NULL;
}

/* Leaves a process behind that stands at the gate and has nothing but the standard
 * error, to which it writes when it is told to. */
static GVariant *
leave_child (PPoolInvocation  *invocation,
             GVariant         *args,
             gpointer          user_data,
             GError          **error)
{
  const char *path;
  int fd;

  g_variant_get_child (args, 0, "&s", &path);
  fd = gate_enter (path);
  if (fork () == 0)
    {
      setsid ();
      signal (SIGPIPE, SIG_DFL);
      dup2 (fd, STDIN_FILENO);
      dup2 (fd, STDOUT_FILENO);
      execl ("/bin/sh", "sh", "-c",
             "read go; echo 'A line of a child' >&2; echo written $$; read go", NULL);
      _exit (1);
    }
  close (fd);

  return g_variant_new ("()");
}

/* Dies so many times, which it counts by the bytes of a file; then it says how often it
 * was called. */
static GVariant *
die_times (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  const char *path;
  int signal_number;
  guint n_deaths;
  FILE *file;
  long n_calls;

  g_variant_get (args, "(&sui)", &path, &n_deaths, &signal_number);
  file = fopen (path, "a");
  fputc ('x', file);
  n_calls = ftell (file);
  fclose (file);
  if (n_calls <= (long) n_deaths)
    raise_plainly (signal_number);

  return g_variant_new_uint32 ((guint32) n_calls);
}

/* Leaves a process of its own group behind that stands at the gate. */
static GVariant *
launch (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  const char *path;

  g_variant_get_child (args, 0, "&s", &path);
  if (fork () == 0)
    {
      g_free (gate_pass (path));
      _exit (0);
    }

  return g_variant_new ("()");
}

/* Waits until its call is cancelled, unless it is not to, and answers that as it is told. */
static GVariant *
until_cancelled (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  GCancellable *cancellable = ppool_invocation_get_cancellable (invocation);
  GPollFD poll_fd = { .fd = -1 };
  const char *path, *how;

  g_variant_get (args, "(&s&s)", &path, &how);
  if (g_str_equal (how, "now"))
    return g_variant_new_string (how);

  g_assert_true (g_cancellable_make_pollfd (cancellable, &poll_fd));
  if (*path != '\0')
    close (gate_enter (path));
  while (!g_cancellable_is_cancelled (cancellable))
    g_poll (&poll_fd, 1, -1);
  g_cancellable_release_fd (cancellable);

  if (g_str_equal (how, "value"))
    return g_variant_new_string (how);
  if (g_str_equal (how, "die"))
    raise_plainly (SIGSEGV);
  while (g_str_equal (how, "hang"))
    pause ();

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "It has heard");
  return NULL;
}

/* Takes so many microseconds, and then dies of a signal if there is one. */
static GVariant *
linger (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  guint32 usec;
  int signal_number;
  struct timespec time = { 0 };

  g_variant_get (args, "(ui)", &usec, &signal_number);
  time.tv_sec = usec / G_USEC_PER_SEC;
  time.tv_nsec = (long) (usec % G_USEC_PER_SEC) * 1000;
  ppoll (NULL, 0, &time, NULL);
  if (signal_number != 0)
    raise_plainly (signal_number);

  return g_variant_new_uint32 (usec);
}

/* Leaves a child of a child behind that stands at the gate. */
static void
leave_grandchild (const char *path)
{
  int pid = fork ();

  if (pid > 0)
    waitpid (pid, NULL, 0);
  else if (fork () > 0)
    _exit (0);
  else
    {
      gate_enter (path);
      while (TRUE)
        pause ();
    }
}

/* Comes to the gate, from a child as well, and never returns. What it is to do before that
 * is in a word. */
static GVariant *
hang (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  const char *path;
  const char *how;

  g_variant_get (args, "(&s&s)", &path, &how);
  if (g_str_equal (how, "stubborn"))
    signal (SIGTERM, SIG_IGN);
  if (g_str_equal (how, "child") && fork () == 0)
    {
      gate_enter (path);
      while (TRUE)
        pause ();
    }
  if (g_str_equal (how, "grandchild"))
    leave_grandchild (path);
  gate_enter (path);
  if (g_str_equal (how, "stopped"))
    raise (SIGSTOP);

  while (TRUE)
    pause ();

  return NULL;
}

/* Is short, unless a gate is given. */
static GVariant *
pass (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  const char *path;

  g_variant_get_child (args, 0, "&s", &path);

  return g_variant_new_take_string (*path != '\0' ? gate_pass (path) : g_strdup (""));
}

/* Writes nonsense over all memory of that name that it shares with others. */
static GVariant *
scribble (PPoolInvocation  *invocation,
          GVariant         *args,
          gpointer          user_data,
          GError          **error)
{
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  const char *name;

  g_variant_get_child (args, 0, "&s", &name);
  g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL);
  lines = g_strsplit (maps, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      guint64 from, to;

      if (strstr (lines[i], name) != NULL &&
          sscanf (lines[i], "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x", &from, &to) == 2)
        memset (GSIZE_TO_POINTER (from), 0xff, to - from);
    }

  return g_variant_new ("()");
}

/* A result that is filled where it is read: so many of a byte. */
static GVariant *
fill (PPoolInvocation  *invocation,
      GVariant         *args,
      gpointer          user_data,
      GError          **error)
{
  g_autoptr (PPoolBuffer) buffer = NULL;
  guint64 size;
  guint8 byte;

  g_variant_get (args, "(ty)", &size, &byte);
  buffer = ppool_buffer_new (size, error);
  if (buffer == NULL)
    return NULL;

  memset (ppool_buffer_get_data (buffer, NULL), byte, size);
  return ppool_buffer_to_variant (buffer, G_VARIANT_TYPE_BYTESTRING, error);
}

/* The last byte of what it is given. */
static GVariant *
last_byte (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  gsize size = g_variant_get_size (args);

  return g_variant_new_byte (((const guint8 *) g_variant_get_data (args))[size - 1]);
}

/* How many pieces of shared memory the process has mapped. */
static GVariant *
count_segments (PPoolInvocation  *invocation,
                GVariant         *args,
                gpointer          user_data,
                GError          **error)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  if (!g_file_get_contents ("/proc/self/maps", &maps, NULL, error))
    return NULL;

  for (const char *p = maps; (p = strstr (p, "memfd:ppool-segment")) != NULL; p++)
    n++;

  return g_variant_new_uint32 (n);
}

/* As a careless daemon does, and then something else may have the numbers. */
static GVariant *
close_all (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  gboolean reuse = g_variant_get_boolean (args);

  for (int fd = CHANNEL_FD; fd < 256; fd++)
    close (fd);
  for (int fd = CHANNEL_FD; reuse && fd < 20; fd++)
    dup (STDERR_FILENO);

  return NULL;
}

/* Leaves this process so many descriptors, or as many as it likes if that is negative. */
static GVariant *
limit_descriptors (PPoolInvocation  *invocation,
                   GVariant         *args,
                   gpointer          user_data,
                   GError          **error)
{
  int n_left = g_variant_get_int32 (args);
  int first = dup (STDERR_FILENO);
  struct rlimit limit;

  close (first);
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = n_left < 0 ? limit.rlim_max : (rlim_t) (first + n_left);
  setrlimit (RLIMIT_NOFILE, &limit);

  return g_variant_new_int32 (first + n_left);
}

/* Leaves this process so much more address space, or as much as it likes. */
static GVariant *
limit_memory (PPoolInvocation  *invocation,
              GVariant         *args,
              gpointer          user_data,
              GError          **error)
{
  gint64 left = g_variant_get_int64 (args);
  g_autofree char *statm = NULL;
  struct rlimit limit;

  if (!g_file_get_contents ("/proc/self/statm", &statm, NULL, error))
    return NULL;

  getrlimit (RLIMIT_AS, &limit);
  limit.rlim_cur = left < 0 ? limit.rlim_max :
    (rlim_t) g_ascii_strtoull (statm, NULL, 10) * (rlim_t) sysconf (_SC_PAGESIZE) + (rlim_t) left;
  setrlimit (RLIMIT_AS, &limit);

  return g_variant_new_string ("limited");
}

/* Uses so much memory. */
static GVariant *
exhaust (PPoolInvocation  *invocation,
         GVariant         *args,
         gpointer          user_data,
         GError          **error)
{
  gsize size = g_variant_get_uint64 (args);
  g_autofree char *data = g_malloc (size);

  memset (data, 1, size);

  return g_variant_new_byte ((guint8) data[size / 2]);
}

/* Comes to the gate, and returns when it is sent SIGTERM. */
static GVariant *
until_terminated (PPoolInvocation  *invocation,
                  GVariant         *args,
                  gpointer          user_data,
                  GError          **error)
{
  sigset_t set;
  int number;

  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigprocmask (SIG_BLOCK, &set, NULL);
  close (gate_enter (g_variant_get_string (args, NULL)));
  sigwait (&set, &number);

  return g_variant_new_string ("late");
}

const NamedFunction bad_functions[] = {
  { "fail", common_fail },
  { "step", step },
  { "lie", lie },
  { "fail-in-latin1", fail_in_latin1 },
  { "fail-at-length", fail_at_length },
  { "nothing", nothing },
  { "spin", common_spin },
  { "close-all", close_all },
  { "limit-descriptors", limit_descriptors },
  { "limit-memory", limit_memory },
  { "exhaust", exhaust },
  { "exit", leave },
  { "_exit", leave_quickly },
  { "die", die },
  { "dump-core", dump_core },
  { "die-times", die_times },
  { "hang", hang },
  { "until-cancelled", until_cancelled },
  { "until-terminated", until_terminated },
  { "linger", linger },
  { "launch", launch },
  { "shut-channel", shut_channel },
  { "garbage", garbage },
  { "obey", obey },
  { "die-with-heir", die_with_heir },
  { "leave-child", leave_child },
  { "pass", pass },
  { "scribble", scribble },
  { "fill", fill },
  { "last-byte", last_byte },
  { "count-segments", count_segments },
  { NULL },
};
