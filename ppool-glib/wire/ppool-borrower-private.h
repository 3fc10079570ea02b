/* ppool-borrower-private.h: values read in the other side's shared memory
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-segment-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _PPoolBorrower PPoolBorrower;

/* There is something to give back. Runs in any thread. */
typedef void (*PPoolBorrowerFunc) (gpointer owner);

PPoolBorrower *ppool_borrower_new       (PPoolBorrowerFunc   func,
                                         gpointer            owner,
                                         GBoxedCopyFunc      owner_ref,
                                         GDestroyNotify      owner_unref);
PPoolBorrower *ppool_borrower_ref       (PPoolBorrower      *self);
void           ppool_borrower_unref     (PPoolBorrower      *self);
void           ppool_borrower_close     (PPoolBorrower      *self);

gboolean       ppool_borrower_register  (PPoolBorrower      *self,
                                         guint32             number,
                                         guint64             size,
                                         int                 fd,
                                         GError            **error);
gboolean       ppool_borrower_register_lost
                                        (PPoolBorrower      *self,
                                         guint32             number,
                                         GError            **error);
gboolean       ppool_borrower_forget    (PPoolBorrower      *self,
                                         guint32             number,
                                         GError            **error);
GVariant      *ppool_borrower_load      (PPoolBorrower      *self,
                                         const PPoolLoan    *loan,
                                         const char         *type,
                                         GError            **error);
gboolean       ppool_borrower_skip      (PPoolBorrower      *self,
                                         const PPoolLoan    *loan,
                                         GError            **error);
gboolean       ppool_borrower_give_back (PPoolBorrower      *self,
                                         guint32            *number,
                                         guint32            *generation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolBorrower, ppool_borrower_unref)

G_END_DECLS
