/* bad-functions.h: functions that fail, and functions that do not come back
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <ppool-glib/ppool-glib.h>

G_BEGIN_DECLS

typedef struct
{
  const char *name;
  PPoolFunction func;
} NamedFunction;

/* Ends with a NULL name. */
extern const NamedFunction bad_functions[];

G_END_DECLS
