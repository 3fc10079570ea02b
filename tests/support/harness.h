/* harness.h: what every test of the public API needs, and checks at its end
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <ppool-glib/ppool-glib.h>

#include "gate.h"
#include "leftovers.h"

G_BEGIN_DECLS

/* A test's surroundings. When it has ended, no child may be left, all objects
 * that were tracked must be finalized, there must be as many descriptors and
 * threads as before, and no gate or other file may be left. */
typedef struct
{
  char *dir;            /* (owned): for gates and logs */
  GPtrArray *files;     /* (owned) (element-type filename): to be removed */
  Leftovers *leftovers; /* (owned) */
} Harness;

typedef void (*HarnessFunc)     (Harness       *harness);
typedef void (*HarnessDataFunc) (Harness       *harness,
                                 gconstpointer  data);

void           harness_init             (int            *argc,
                                         char         ***argv);
void           harness_add              (const char     *path,
                                         HarnessFunc     func);
void           harness_add_with_data    (const char     *path,
                                         HarnessDataFunc func,
                                         gconstpointer   data);
char          *harness_path             (Harness        *harness,
                                         const char     *name);
gpointer       harness_track            (gpointer        object);
gboolean       harness_is_clean         (Harness        *harness);
char          *harness_report           (Harness        *harness);

/* Executors, on bad-worker or on raw-worker with these steps. */
char          *harness_program          (const char     *name);
PPoolLauncher *harness_launcher         (void);
PPoolLauncher *harness_raw_launcher     (const char     *first_step,
                                         ...) G_GNUC_NULL_TERMINATED;
PPoolExecutor *harness_executor_on      (PPoolLauncher  *launcher,
                                         guint           max_workers);
PPoolExecutor *harness_executor         (guint           max_workers);

/* Calls that are expected to be accepted, to succeed, to fail. */
GVariant      *harness_pair             (gint64          first,
                                         gint64          second);
PPoolFuture   *harness_submit           (PPoolExecutor  *executor,
                                         const char     *function,
                                         GVariant       *args);
PPoolFuture   *harness_submit_gate      (PPoolExecutor  *executor,
                                         Gate           *gate);
PPoolFuture   *harness_submit_limited   (PPoolExecutor  *executor,
                                         const char     *function,
                                         GVariant       *args,
                                         int             timeout_msec);
GVariant      *harness_result           (PPoolFuture    *future);
GError        *harness_failure          (PPoolFuture    *future);
void           harness_assert_works     (PPoolExecutor  *executor);
void           harness_assert_running   (PPoolExecutor  *executor);
guint          harness_worker_pid       (PPoolExecutor  *executor);
void           harness_shut_down        (PPoolExecutor  *executor);
void           harness_assert_error     (const GError   *error,
                                         GQuark          domain,
                                         int             code,
                                         ...) G_GNUC_NULL_TERMINATED;
void           harness_assert_broken    (PPoolExecutor  *executor,
                                         PPoolFuture    *future,
                                         int             cause,
                                         ...) G_GNUC_NULL_TERMINATED;

/* Waiting, with a bound, while the thread's default context is iterated. */
void           harness_iterate_until    (gboolean      (*condition) (gpointer user_data),
                                         gpointer        user_data);
void           harness_wait_for_process (int             pid,
                                         guint           timeout_msec);
void           harness_reap_orphan      (int             pid);

/* For the rest of a test that provokes warnings of GLib's own. */
void           harness_allow_warnings   (void);

#define harness_assert_value(future, text) \
  G_STMT_START \
    { \
      g_autoptr (GVariant) value_ = harness_result (future); \
      g_autofree char *text_ = g_variant_print (value_, TRUE); \
      g_assert_cmpstr (text_, ==, text); \
    } \
  G_STMT_END

G_END_DECLS
