/* ppool-record.c: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-private.h"

#include "ppool-value-private.h"

/* A record is shared by the future that a caller holds and by the pool that
 * runs the call; each has a reference.
 *
 * What the caller gave (arguments, cancellable) is released by the caller's
 * threads, which ask for the outcome, and not where it is settled: both may end
 * in code of the application or of a language. A record that nobody asks about
 * any more is the exception.
 *
 * The pool's lock is taken before that of the outcome. */

static void
outcome_settled (PPoolOutcome *outcome)
{
  PPoolRecord *self = (PPoolRecord *) outcome;

  /* Without the lock, which who was told takes just now. */
  if (g_atomic_int_get (&self->abandoned))
    ppool_record_release_inputs (self);
  self->owner_funcs->settled (self->owner, self);
}

/* Sinks @args and takes @owner. */
PPoolRecord *
ppool_record_new (PPoolCallSpec          *spec,
                  GVariant               *args,
                  const PPoolRecordOwner *owner_funcs,
                  gpointer                owner)
{
  PPoolRecord *self = g_atomic_rc_box_new0 (PPoolRecord);

  ppool_outcome_init (&self->outcome, spec, outcome_settled);
  self->spec = ppool_call_spec_ref (spec);
  self->owner_funcs = owner_funcs;
  self->owner = owner;
  self->link.data = self;
  self->args = args != NULL ? g_variant_ref_sink (args) : ppool_value_ref_unit ();
  self->size = g_variant_get_size (self->args);
  if (args != NULL)
    ppool_value_compact (self->args);

  return self;
}

PPoolRecord *
ppool_record_ref (PPoolRecord *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
free_record (gpointer data)
{
  PPoolRecord *self = data;

  ppool_record_release_inputs (self);
  ppool_outcome_clear (&self->outcome);
  ppool_call_spec_unref (self->spec);
  self->owner_funcs->unref (self->owner);
}

void
ppool_record_unref (PPoolRecord *self)
{
  g_atomic_rc_box_release_full (self, free_record);
}

/* (nullable): the arguments of a settled call are nobody's any more. */
GVariant *
ppool_record_ref_args (PPoolRecord *self)
{
  GVariant *args;

  g_mutex_lock (&self->outcome.lock);
  args = self->args != NULL ? g_variant_ref (self->args) : NULL;
  g_mutex_unlock (&self->outcome.lock);

  return args;
}

static void
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      user_data)
{
  ppool_record_cancel (user_data);
}

static void
unref_closure_record (gpointer  data,
                      GClosure *closure G_GNUC_UNUSED)
{
  ppool_record_unref (data);
}

/* To be called before the call is queued, without a lock: the handler runs at
 * once if @cancellable is cancelled meanwhile. */
gboolean
ppool_record_connect_cancellable (PPoolRecord   *self,
                                  GCancellable  *cancellable,
                                  GError       **error)
{
  gulong handler;

  if (cancellable == NULL)
    return TRUE;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  handler = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancelled_cb),
                                   ppool_record_ref (self), unref_closure_record,
                                   G_CONNECT_DEFAULT);

  g_mutex_lock (&self->outcome.lock);
  self->cancellable = g_object_ref (cancellable);
  self->cancelled_handler = handler;
  g_mutex_unlock (&self->outcome.lock);

  /* Cancelled between the check and the connection: nobody was told. */
  if (g_cancellable_is_cancelled (cancellable))
    ppool_record_cancel (self);

  return TRUE;
}

/* Releases what the caller gave, once it is of no use. */
void
ppool_record_release_inputs (PPoolRecord *self)
{
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GVariant) args = NULL;
  gulong handler;

  if (!ppool_outcome_check (&self->outcome, NULL))
    return;

  g_mutex_lock (&self->outcome.lock);
  cancellable = g_steal_pointer (&self->cancellable);
  handler = self->cancelled_handler;
  args = g_steal_pointer (&self->args);
  g_mutex_unlock (&self->outcome.lock);

  /* Not g_cancellable_disconnect(): it waits for the handler, in which this may
   * be running. */
  if (cancellable != NULL)
    g_signal_handler_disconnect (cancellable, handler);
}

/* Nobody will ask for the outcome, so the last one here releases the inputs. */
void
ppool_record_abandon (PPoolRecord *self)
{
  g_atomic_int_set (&self->abandoned, TRUE);
  if (ppool_outcome_is_done (&self->outcome))
    ppool_record_release_inputs (self);
}

gboolean
ppool_record_cancel (PPoolRecord *self)
{
  return self->owner_funcs->cancel (self->owner, self);
}

GObject *
ppool_record_dup_source (PPoolRecord *self)
{
  return self->owner_funcs->dup_source (self->owner);
}

/* Whether a call that was sent ahead runs is only looked at when somebody asks. */
PPoolFutureState
ppool_record_get_state (PPoolRecord *self)
{
  if (ppool_outcome_get_state (&self->outcome) == PPOOL_FUTURE_STATE_PENDING)
    self->owner_funcs->refresh (self->owner, self);

  return ppool_outcome_get_state (&self->outcome);
}

void
ppool_record_get_history (PPoolRecord  *self,
                          PPoolHistory *history)
{
  ppool_record_get_state (self);
  ppool_outcome_get_history (&self->outcome, history);
}

/* The value or the error of a call that is done, whose inputs are of no use any more. */
GVariant *
ppool_record_propagate (PPoolRecord  *self,
                        GError      **error)
{
  GVariant *value = ppool_outcome_propagate (&self->outcome, error);

  if (value != NULL || ppool_outcome_is_done (&self->outcome))
    ppool_record_release_inputs (self);

  return value;
}
