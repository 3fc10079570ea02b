/* ppool-launcher-internal.h: what the files of the launcher share
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-launcher-private.h"

G_BEGIN_DECLS

/* The descriptors of a worker, in the worker: its channel, the program that it runs,
 * and from the last on those that it was to inherit. */
#define PPOOL_LAUNCHER_CHANNEL_FD 3
#define PPOOL_LAUNCHER_PROGRAM_FD 4
#define PPOOL_LAUNCHER_FIRST_FD   5

/* The program that this process runs. Nobody changes it once it is made. */
typedef struct
{
  char **argv; /* (owned): never empty */
  char *path;  /* (owned) (nullable): where the executable was found */
  int fd;      /* (owned): the executable, also when it is no longer there */
} PPoolProgram;

struct _PPoolLauncher
{
  GObject parent_instance;

  char **argv;           /* (owned) (nullable) */
  char **env;            /* (owned) */
  char *cwd;             /* (owned) (nullable): where this process is */
  PPoolProgram *program; /* (owned) (nullable): executed instead of argv[0] */
  char *trouble;         /* (owned) (nullable): kept for the first start */
  GArray *inherited;     /* (owned) (element-type int): of the caller's, for workers */
  PPoolStderrMode stderr_mode;
  guint handshake_timeout_msec; /* 0 is no limit */
};

PPoolProgram *ppool_program_new_self (GError       **error);
PPoolProgram *ppool_program_ref      (PPoolProgram  *self);
void          ppool_program_unref    (PPoolProgram  *self);
gboolean      ppool_program_is_there (PPoolProgram  *self);

const char   *ppool_launcher_find_program (const char *variable,
                                           const char *installed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolProgram, ppool_program_unref)

G_END_DECLS
