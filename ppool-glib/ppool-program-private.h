/* ppool-program-private.h: the program that this process runs
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Nobody changes it once it is made. */
typedef struct
{
  char **argv; /* (owned): never empty */
  char *path;  /* (owned) (nullable): where the executable was found */
  int fd;      /* (owned): the executable, also when it is no longer there */
} PPoolProgram;

PPoolProgram *ppool_program_new_self (GError       **error);
PPoolProgram *ppool_program_ref      (PPoolProgram  *self);
void          ppool_program_unref    (PPoolProgram  *self);

gboolean      ppool_program_is_there (PPoolProgram  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolProgram, ppool_program_unref)

G_END_DECLS
