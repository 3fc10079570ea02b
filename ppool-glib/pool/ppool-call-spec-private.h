/* ppool-call-spec-private.h: what a call asks for
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Function and options. It is shared by the call of a program, its records and a map, and
 * nobody changes it. Arguments are given beside it: they are released when a call is done, and
 * the calls of a map differ in nothing else. */
typedef struct
{
  GVariantType *result_type; /* (owned) (nullable): the required one */
  int timeout_msec;          /* from when a worker takes it; -1 is what the executor has */
  int queue_timeout_msec;    /* until one takes it; likewise */
  guint max_retries;         /* after deaths of its worker */
  char *label;               /* (owned) (nullable) */
  char function[];
} PPoolCallSpec;

PPoolCallSpec *ppool_call_spec_new   (const char    *function);
PPoolCallSpec *ppool_call_spec_ref_plain (const char *function);
PPoolCallSpec *ppool_call_spec_copy  (PPoolCallSpec *self);
PPoolCallSpec *ppool_call_spec_copy_options (PPoolCallSpec *self,
                                             const char    *function);
char          *ppool_call_spec_dup_name (PPoolCallSpec *self);
PPoolCallSpec *ppool_call_spec_ref   (PPoolCallSpec *self);
void           ppool_call_spec_unref (PPoolCallSpec *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolCallSpec, ppool_call_spec_unref)

G_END_DECLS
