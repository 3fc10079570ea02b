/* worker.c: a worker in C, with what the programs of this folder call
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "common-functions.h"

#include <signal.h>
#include <unistd.h>

static const struct
{
  const char *name;
  int number;
} signals[] = {
  { "SIGABRT", SIGABRT },
  { "SIGKILL", SIGKILL },
  { "SIGTERM", SIGTERM },
};

static GVariant *set_up_args;

/* Dies of the signal of that name, or exits. */
static GVariant *
crash (PPoolInvocation  *invocation,
       GVariant         *args,
       gpointer          user_data,
       GError          **error)
{
  const char *how = g_variant_get_string (args, NULL);

  if (g_str_has_prefix (how, "exit"))
    _exit (g_str_equal (how, "exit") ? 3 : 0);
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (g_str_equal (how, signals[i].name))
      kill (getpid (), signals[i].number);

  return NULL;
}

static GVariant *
read_file (PPoolInvocation  *invocation,
           GVariant         *args,
           gpointer          user_data,
           GError          **error)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (g_variant_get_string (args, NULL), &text, NULL, error))
    return NULL;

  return g_variant_new_string (text);
}

static GVariant *
length (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  return g_variant_new_uint32 (g_utf8_strlen (g_variant_get_string (args, NULL), -1));
}

static GVariant *
negate (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  return g_variant_new_int64 (-g_variant_get_int64 (args));
}

static GVariant *
count_arguments (PPoolInvocation  *invocation,
                 GVariant         *args,
                 gpointer          user_data,
                 GError          **error)
{
  return g_variant_new_uint32 (g_variant_n_children (args));
}

static GVariant *
set_up (PPoolInvocation  *invocation,
        GVariant         *args,
        gpointer          user_data,
        GError          **error)
{
  set_up_args = g_variant_ref (args);

  return g_variant_new ("()");
}

static GVariant *
get_set_up (PPoolInvocation  *invocation,
            GVariant         *args,
            gpointer          user_data,
            GError          **error)
{
  return g_variant_ref (set_up_args);
}

static const struct
{
  const char *name;
  PPoolFunction function;
} functions[] = {
  { "echo", common_echo },
  { "fail", common_fail },
  { "crash", crash },
  { "read-file", read_file },
  { "length", length },
  { "Länge/長さ", length },
  { "negate", negate },
  { "count-arguments", count_arguments },
  { "set-up", set_up },
  { "get-set-up", get_set_up },
};

int
main (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (functions); i++)
    ppool_worker_add_function (worker, functions[i].name, functions[i].function, NULL, NULL);

  return ppool_worker_run (worker, NULL);
}
