/* gate.h: stops a worker at a point and lets it go on
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How long anything may take that a test waits for. */
#define PATIENCE_SECONDS 50

/* A socket with a name. Whoever comes to it waits until the test opens it; that
 * somebody came tells the test how far a worker is, and that the visitor's end
 * closed tells it that the worker is gone. */
typedef struct _Gate Gate;

typedef struct
{
  int fd;
  int pid;
} Visitor;

Gate       *gate_new          (const char *dir);
void        gate_free         (Gate       *self);
const char *gate_get_path     (Gate       *self);

Visitor     gate_wait         (Gate       *self);
char       *gate_read         (Visitor     visitor);
void        gate_open         (Visitor     visitor,
                               const char *answer);
void        gate_expect_death (Visitor     visitor);
gboolean    gate_has_visitor  (Gate       *self);

/* The visitor's side: in any process. */
int         gate_enter        (const char *path);
char       *gate_pass         (const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Gate, gate_free)

G_END_DECLS
