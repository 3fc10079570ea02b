/* ppool-loans.c: what the two sides of a connection lend each other
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-loans-private.h"

/* Both directions, at one side: what it lends and what it has borrowed. What was borrowed
 * is to be given back, and what was lent and is idle to be forgotten; notes in frames say
 * so. */

/* Takes @owner over, on which @returned is called, in any thread, when there are notes
 * after there were none. */
PPoolLoans *
ppool_loans_new (PPoolBorrowerFunc returned,
                 gpointer          owner,
                 GBoxedCopyFunc    owner_ref,
                 GDestroyNotify    owner_unref)
{
  PPoolLoans *self = g_new0 (PPoolLoans, 1);

  self->lender = ppool_lender_new ();
  self->borrower = ppool_borrower_new (returned, owner, owner_ref, owner_unref);

  return self;
}

void
ppool_loans_free (PPoolLoans *self)
{
  ppool_lender_unref (self->lender);
  ppool_borrower_unref (self->borrower);
  g_free (self);
}

/* Releases the owner. No segment of this side is lent or filled again. What was borrowed
 * stays as long as somebody has it. */
void
ppool_loans_close (PPoolLoans *self)
{
  ppool_lender_close (self->lender);
  ppool_borrower_close (self->borrower);
}

/* Appends what there is to say. Each note takes a multiple of eight. */
void
ppool_loans_append_notes (PPoolLoans *self,
                          GByteArray *frame)
{
  ppool_frame_append_returned (frame, self->borrower);
  ppool_frame_append_forgotten (frame, self->lender);
}

/* Begins a frame with what there is to say. */
void
ppool_loans_prepend_notes (PPoolLoans *self,
                           GByteArray *frame)
{
  g_autoptr (GByteArray) notes = g_byte_array_new ();

  ppool_loans_append_notes (self, notes);
  if (notes->len > 0)
    g_byte_array_prepend (frame, notes->data, notes->len);
}

/* Does what the other side says with an item that is a note. */
gboolean
ppool_loans_receive_note (PPoolLoans       *self,
                          const PPoolItem  *item,
                          GError          **error)
{
  guint32 number = PPOOL_ITEM_NUMBER (item->id);

  if (item->kind == PPOOL_ITEM_FORGET)
    return ppool_borrower_forget (self->borrower, number, error);

  return ppool_lender_take_back (self->lender, number, PPOOL_ITEM_GENERATION (item->id), error);
}
