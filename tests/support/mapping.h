/* mapping.h: inputs for maps, and what reading one must give
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "harness.h"

G_BEGIN_DECLS

/* Numbers from 0 on, as inputs. The test keeps it until the map has freed it. */
typedef struct
{
  gint64 length;   /* the end comes there, or never with -1 */
  gint64 error_at; /* or an error comes there */
  GThread *thread; /* (nullable): where they must be drawn and freed */
  gint64 n_drawn;
  guint n_ends; /* how often the end or the error was told */
  gboolean inside; /* (atomic) */
  gboolean freed;
} Numbers;

void      numbers_init           (Numbers        *self,
                                  gint64          length);
PPoolMap *numbers_map            (Numbers        *self,
                                  PPoolExecutor  *executor,
                                  const char     *function);

PPoolMap *mapping_new            (PPoolExecutor  *executor,
                                  const char     *function,
                                  GVariant       *inputs);
GVariant *mapping_next           (PPoolMap       *map);
void      mapping_assert_next    (PPoolMap       *map,
                                  const char     *text);
void      mapping_assert_numbers (PPoolMap       *map,
                                  gint64          first,
                                  gint64          end);
void      mapping_assert_end     (PPoolMap       *map);
void      mapping_assert_none    (PPoolMap       *map,
                                  int             timeout_msec);
void      mapping_assert_failure (PPoolMap       *map,
                                  GQuark          domain,
                                  int             code,
                                  const char     *part);

G_END_DECLS
