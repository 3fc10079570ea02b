/* ppool-verdict.c: what became of a worker, in words
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-verdict-private.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* The exit statuses of a shell, and of the trampoline, for programs that can't
 * be executed. */
#define STATUS_CANNOT_EXECUTE 126
#define STATUS_NOT_FOUND 127

/* How much of its standard error a message has, from the beginning and from the end. */
#define EXCERPT_SIZE 2048

static void
append_signal (GString *text,
               int      number)
{
#ifdef HAVE_SIGABBREV_NP
  const char *name = sigabbrev_np (number);

  if (name != NULL)
    {
      g_string_append_printf (text, "was killed by SIG%s (%s)", name, g_strsignal (number));
      return;
    }
#endif
  g_string_append_printf (text, "was killed by signal %d (%s)", number, g_strsignal (number));
}

static const char *
describe_unknown (const PPoolVerdict *self)
{
  return self->children_are_ignored ? "this program ignores SIGCHLD" :
                                      "something else in this program waited for it";
}

static void
append_end (GString            *text,
            const PPoolVerdict *self)
{
  if (!self->exited)
    {
      g_string_append (text, self->cause != NULL ? "misbehaved" : "closed its channel");
      return;
    }

  if (self->status_is_lost)
    g_string_append_printf (text, "exited with an unknown status (%s)", describe_unknown (self));
  else if (WIFSIGNALED (self->wait_status))
    append_signal (text, WTERMSIG (self->wait_status));
  else
    g_string_append_printf (text, "exited with status %d", WEXITSTATUS (self->wait_status));
}

/* What is known of why, after all that is a fact. */
static void
append_reason (GString            *text,
               const PPoolVerdict *self)
{
  int signal =
    self->exited && !self->status_is_lost && WIFSIGNALED (self->wait_status) ?
      WTERMSIG (self->wait_status) : 0;

  if (self->was_out_of_memory)
    g_string_append (text, " (the system ran out of memory)");
  else if (signal == SIGXCPU)
    g_string_append (text, " (it was over its limit of processor time)");
  else if (signal == SIGXFSZ)
    g_string_append (text, " (it was over its limit of the size of files)");
  else if (self->said_no_memory)
    g_string_append (text, " (probably for lack of memory)");
  else if (!self->was_ended && (signal == SIGKILL || signal == SIGTERM))
    g_string_append (text, " (this program did not send the signal)");
}

static void
append_circumstances (GString            *text,
                      const PPoolVerdict *self)
{
  if (self->function != NULL)
    g_string_append_printf (text, self->function_is_done ? " after it had run “%s”" :
                                                           " while it ran “%s”",
                            self->function);
  else if (self->ready)
    g_string_append (text, " while it ran nothing");
  else if (self->initializer != NULL)
    g_string_append_printf (text, " before its initializer “%s” was done", self->initializer);
  else
    g_string_append (text, " before it was ready");

  if (self->function != NULL && self->label != NULL)
    g_string_append_printf (text, " (%s)", self->label);
  if (self->function != NULL && self->run_time >= G_TIME_SPAN_SECOND / 10)
    g_string_append_printf (text, " for %.1f s", (double) self->run_time / G_TIME_SPAN_SECOND);
  append_reason (text, self);

  if (!self->ready && self->exited && !self->status_is_lost && WIFEXITED (self->wait_status))
    {
      if (WEXITSTATUS (self->wait_status) == STATUS_NOT_FOUND)
        g_string_append (text, " (its program was not found)");
      else if (WEXITSTATUS (self->wait_status) == STATUS_CANNOT_EXECUTE)
        g_string_append (text, " (its program could not be executed)");
      else if (self->initializer == NULL && self->cause == NULL)
        g_string_append (text, " (does it run its PPoolWorker?)");
    }
}

/* Whether somebody says in @text that there was no memory for him, as libraries and languages
 * do before they end the process. */
gboolean
ppool_verdict_is_out_of_memory (const char *text)
{
  static const char *const words[] = {
    "failed to allocate ",            /* GLib */
    "Cannot allocate memory",         /* the C library, and who prints its errors */
    "std::bad_alloc",                 /* C++ */
    "MemoryError",                    /* Python */
    "JavaScript heap out of memory",  /* JavaScript */
    "memory allocation of ",          /* Rust */
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      if (strstr (text, words[i]) != NULL)
        return TRUE;
    }

  return FALSE;
}

/* Where the line begins that has the end of @size bytes of @text, which are not all. */
static gsize
find_line_before (const char *text,
                  gsize       size)
{
  const char *newline = g_strrstr_len (text, (gssize) size, "\n");

  if (newline != NULL)
    return (gsize) (newline - text);

  return (gsize) (g_utf8_find_prev_char (text, text + size) - text);
}

/* Where the first line begins after @start. */
static gsize
find_line_after (const char *text,
                 gsize       start)
{
  const char *newline = strchr (text + start, '\n');

  if (newline != NULL && newline[1] != '\0')
    return (gsize) (newline + 1 - text);

  return (gsize) (g_utf8_find_next_char (text + start - 1, NULL) - text);
}

/* What caused it may be told first or last, as in the report of a fault that begins with the
 * innermost function. Of a worker that ran nothing, what it wrote first is from long ago. */
static void
append_stderr (GString            *text,
               const PPoolVerdict *self)
{
  const char *tail = self->stderr_tail;
  gsize length = strlen (tail);
  gsize begin = 0, end = 0;

  if (length > 2 * EXCERPT_SIZE && self->ready && self->function == NULL)
    tail += find_line_after (tail, length - 2 * EXCERPT_SIZE);
  else if (length > 2 * EXCERPT_SIZE)
    {
      begin = find_line_before (tail, EXCERPT_SIZE);
      end = find_line_after (tail, length - EXCERPT_SIZE);
    }

  g_string_append (text, "; its standard error ended with:\n");
  if (end > 0)
    {
      g_string_append_len (text, tail, (gssize) begin);
      g_string_append_printf (text, "\n[… %" G_GSIZE_FORMAT " bytes left out …]\n", end - begin);
    }
  g_string_append (text, tail + end);
}

/* Tells the whole story in one error. */
GError *
ppool_verdict_to_error (const PPoolVerdict *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  PPoolError code = PPOOL_ERROR_LAUNCH;

  if (self->ready)
    code = PPOOL_ERROR_WORKER_DIED;
  else if (self->initializer != NULL)
    code = PPOOL_ERROR_INITIALIZER;

  if (self->cause != NULL && self->cause->domain == PPOOL_ERROR)
    code = (PPoolError) self->cause->code;

  if (!self->started)
    g_string_append (text, "A worker could not be started");
  else if (code == PPOOL_ERROR_INITIALIZER && !self->exited)
    g_string_append_printf (text, "Worker %u can't be used", self->pid);
  else
    {
      if (self->pid != 0)
        g_string_append_printf (text, "Worker %u ", self->pid);
      else
        g_string_append (text, "A worker ");
      append_end (text, self);
      append_circumstances (text, self);
    }

  if (self->cause != NULL)
    g_string_append_printf (text, ": %s", self->cause->message);

  if (self->library != NULL)
    g_string_append_printf (text, "; it uses %s and this program PPool-GLib %s: start this program "
                            "again after an update", self->library, PPOOL_VERSION_TEXT);

  if (self->core != NULL)
    g_string_append_printf (text, "; %s", self->core);

  if (self->stderr_tail != NULL && *self->stderr_tail != '\0')
    append_stderr (text, self);

  return g_error_new_literal (PPOOL_ERROR, (int) code, text->str);
}
