/* ppool-child-private.h: a child process, until its exit
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PPoolChild PPoolChild;

/* @wait_status is that of waitpid(), or @is_lost if somebody else was given it. */
typedef void (*PPoolChildFunc) (int      wait_status,
                                gboolean is_lost,
                                gpointer data);

/* Whether the group of a child that has exited is to be ended with it. */
typedef gboolean (*PPoolChildGroupFunc) (gpointer data);

PPoolChild *ppool_child_new         (GPid            pid,
                                     GMainContext   *context,
                                     PPoolChildFunc  func,
                                     gpointer        data);
void        ppool_child_free        (PPoolChild     *self);

GPid        ppool_child_get_pid     (PPoolChild     *self);
void        ppool_child_set_group_func (PPoolChild          *self,
                                        PPoolChildGroupFunc  func);
void        ppool_child_send_signal (PPoolChild     *self,
                                     int             number);
void        ppool_child_signal_group (PPoolChild *self,
                                      int         number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolChild, ppool_child_free)

G_END_DECLS
