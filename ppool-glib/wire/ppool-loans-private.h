/* ppool-loans-private.h: what the two sides of a connection lend each other
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-borrower-private.h"
#include "ppool-frame-private.h"
#include "ppool-lender-private.h"

G_BEGIN_DECLS

/* Constant; what is in it may be used in any thread, as far as it says so itself. */
typedef struct
{
  PPoolLender *lender;     /* (owned) */
  PPoolBorrower *borrower; /* (owned) */
} PPoolLoans;

PPoolLoans *ppool_loans_new          (PPoolBorrowerFunc   returned,
                                      gpointer            owner,
                                      GBoxedCopyFunc      owner_ref,
                                      GDestroyNotify      owner_unref);
void        ppool_loans_free         (PPoolLoans         *self);
void        ppool_loans_close        (PPoolLoans         *self);

void        ppool_loans_append_notes (PPoolLoans         *self,
                                      GByteArray         *frame);
void        ppool_loans_prepend_notes (PPoolLoans *self,
                                       GByteArray *frame);
gboolean    ppool_loans_receive_note (PPoolLoans         *self,
                                      const PPoolItem    *item,
                                      GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PPoolLoans, ppool_loans_free)

G_END_DECLS
