/* lending.h: a lender and a borrower that share no more than messages
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "leftovers.h"
#include "ppool-borrower-private.h"
#include "ppool-lender-private.h"

G_BEGIN_DECLS

#define KIB ((gsize) 1024)
#define MIB ((gsize) 1024 * 1024)

typedef struct
{
  PPoolLender *lender;     /* (owned) */
  PPoolBorrower *borrower; /* (owned) */
  int n_woken;             /* atomic */
  guint n_announced;
  guint n_forgotten;
  guint n_returned;
  Leftovers *leftovers;
} Lending;

void      lending_set_up         (Lending       *self,
                                  gconstpointer  user_data);
void      lending_tear_down      (Lending       *self,
                                  gconstpointer  user_data);
void      lending_add            (const char    *path,
                                  void         (*func) (Lending       *self,
                                                        gconstpointer  user_data));

GVariant *lending_send           (Lending       *self,
                                  GVariant      *value);
void      lending_tell_forgotten (Lending       *self);
void      lending_return         (Lending       *self);

GVariant *lending_make_value     (gsize          size,
                                  guint8         byte);
guint     lending_count_mappings (void);

G_END_DECLS
