/* capture.h: this process's standard error, read by a test
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* This process's standard error, while it is the other end of a pipe. */
typedef struct
{
  int real_fd; /* (owned) */
  int read_fd; /* (owned) */
} Capture;

void  capture_init  (Capture    *self);
char *capture_read  (Capture    *self,
                     const char *end);
char *capture_clear (Capture    *self);

G_END_DECLS
