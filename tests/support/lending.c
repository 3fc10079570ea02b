/* lending.c: a lender and a borrower that share no more than messages
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "lending.h"

#include <string.h>
#include <unistd.h>

static void
woken_cb (gpointer owner)
{
  g_atomic_int_inc ((int *) owner);
}

static gpointer
ref_counter (gpointer owner)
{
  return owner;
}

static void
unref_counter (gpointer owner G_GNUC_UNUSED)
{
}

void
lending_set_up (Lending       *self,
                gconstpointer  user_data G_GNUC_UNUSED)
{
  self->leftovers = leftovers_new ();
  self->lender = ppool_lender_new ();
  self->borrower = ppool_borrower_new (woken_cb, &self->n_woken, ref_counter, unref_counter);
}

/* No descriptor and no mapping is left, whatever the test did. */
void
lending_tear_down (Lending       *self,
                   gconstpointer  user_data G_GNUC_UNUSED)
{
  ppool_lender_close (self->lender);
  ppool_lender_unref (self->lender);
  ppool_borrower_close (self->borrower);
  ppool_borrower_unref (self->borrower);
  g_assert_cmpuint (lending_count_mappings (), ==, 0);
  g_assert_true (leftovers_is_clean (self->leftovers));
  leftovers_free (self->leftovers);
}

/* A test that has a lender and a borrower, and leaves nothing behind. */
void
lending_add (const char *path,
             void      (*func) (Lending       *self,
                                gconstpointer  user_data))
{
  g_test_add (path, Lending, NULL, lending_set_up, func, lending_tear_down);
}

void
lending_tell_forgotten (Lending *self)
{
  GError *error = NULL;
  guint32 number;

  while (ppool_lender_take_forgotten (self->lender, &number))
    {
      ppool_borrower_forget (self->borrower, number, &error);
      g_assert_no_error (error);
      self->n_forgotten++;
    }
}

/* Returns: (transfer full) (nullable): what arrives, or NULL if it would travel
 * inline. */
GVariant *
lending_send (Lending  *self,
              GVariant *value)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GVariant) arrived = NULL;
  PPoolAnnouncement announcement;
  GError *error = NULL;
  PPoolLoan loan;
  gboolean lent = ppool_lender_lend (self->lender, held, &loan, &error);

  g_assert_no_error (error);

  while (ppool_lender_take_announcement (self->lender, &announcement))
    {
      ppool_borrower_register (self->borrower, announcement.number, announcement.size,
                               announcement.fd, &error);
      g_assert_no_error (error);
      close (announcement.fd);
      self->n_announced++;
    }

  if (lent)
    {
      arrived = ppool_borrower_load (self->borrower, &loan, g_variant_get_type_string (held),
                                     &error);
      g_assert_no_error (error);
      g_assert_false (g_variant_is_floating (arrived));
    }

  lending_tell_forgotten (self);

  return g_steal_pointer (&arrived);
}

void
lending_return (Lending *self)
{
  GError *error = NULL;
  guint32 number, generation;

  while (ppool_borrower_give_back (self->borrower, &number, &generation))
    {
      ppool_lender_take_back (self->lender, number, generation, &error);
      g_assert_no_error (error);
      self->n_returned++;
    }
}

/* Returns: (transfer full): an array of bytes. */
GVariant *
lending_make_value (gsize  size,
                    guint8 byte)
{
  guint8 *data = g_malloc (MAX (size, 1));
  g_autoptr (GBytes) bytes = NULL;

  memset (data, byte, size);
  bytes = g_bytes_new_take (data, size);

  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
}

/* How many segments this process has mapped. */
guint
lending_count_mappings (void)
{
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &text, NULL, NULL));
  for (const char *p = text; (p = strstr (p, "memfd:ppool-segment")) != NULL; p++)
    n++;

  return n;
}
