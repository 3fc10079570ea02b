/* ppool-record.c: one submission, from queue to outcome
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-record-private.h"

#include "ppool-error.h"
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

static const PPoolRecordExtra no_extra = { .timeout_msec = -1, .queue_timeout_msec = -1 };

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
  PPoolRecord *self = g_new0 (PPoolRecord, 1);

  ppool_outcome_init (&self->outcome, ppool_call_spec_ref (spec), outcome_settled);
  self->owner_funcs = owner_funcs;
  self->owner = owner;
  self->link.data = self;
  self->args = args != NULL ? g_variant_ref_sink (args) : ppool_value_ref_unit ();
  self->size = (guint) MIN (g_variant_get_size (self->args), G_MAXUINT);
  self->extra = &no_extra;
  self->n_refs = 1;
  if (args != NULL)
    ppool_value_compact (self->args);

  return self;
}

PPoolRecord *
ppool_record_ref (PPoolRecord *self)
{
  g_atomic_int_inc (&self->n_refs);

  return self;
}

static void
free_extra (PPoolRecordExtra *extra)
{
  if (extra->deaths != NULL)
    g_string_free (extra->deaths, TRUE);
  g_free (extra);
}

static void
free_record (PPoolRecord *self)
{
  ppool_record_release_inputs (self);
  ppool_outcome_clear (&self->outcome);
  if (self->extra != &no_extra)
    free_extra ((PPoolRecordExtra *) self->extra);
  self->owner_funcs->unref (self->owner);
  g_free (self);
}

void
ppool_record_unref (PPoolRecord *self)
{
  if (g_atomic_int_dec_and_test (&self->n_refs))
    free_record (self);
}

/* Gives what few calls have to one that has it from now on. With the lock of the pool. */
PPoolRecordExtra *
ppool_record_need_extra (PPoolRecord *self)
{
  if (self->extra == &no_extra)
    self->extra = g_memdup2 (&no_extra, sizeof no_extra);

  return (PPoolRecordExtra *) self->extra;
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
  ppool_record_give_up (user_data);
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
  PPoolRecordConnection *connection;

  if (cancellable == NULL)
    return TRUE;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  connection = g_new (PPoolRecordConnection, 1);
  connection->cancellable = g_object_ref (cancellable);
  connection->handler = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancelled_cb),
                                               ppool_record_ref (self), unref_closure_record,
                                               G_CONNECT_DEFAULT);

  g_mutex_lock (&self->outcome.lock);
  self->connection = connection;
  g_mutex_unlock (&self->outcome.lock);

  /* Cancelled between the check and the connection: nobody was told. */
  if (g_cancellable_is_cancelled (cancellable))
    ppool_record_give_up (self);

  return TRUE;
}

/* Not g_cancellable_disconnect(): it waits for the handler, in which this may be running. */
static void
disconnect (PPoolRecordConnection *connection)
{
  g_signal_handler_disconnect (connection->cancellable, connection->handler);
  g_object_unref (connection->cancellable);
  g_free (connection);
}

/* Releases what the caller gave, once it is of no use. */
void
ppool_record_release_inputs (PPoolRecord *self)
{
  PPoolRecordConnection *connection;
  g_autoptr (GVariant) args = NULL;

  if (!ppool_outcome_check (&self->outcome, NULL))
    return;

  g_mutex_lock (&self->outcome.lock);
  connection = g_steal_pointer (&self->connection);
  args = g_steal_pointer (&self->args);
  g_mutex_unlock (&self->outcome.lock);

  if (connection != NULL)
    disconnect (connection);
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

/* Whether it waits or runs. */
void
ppool_record_abort (PPoolRecord *self)
{
  self->owner_funcs->abort (self->owner, self);
}

/* Cancels or aborts it, as its pool does for a cancellable. */
void
ppool_record_give_up (PPoolRecord *self)
{
  self->owner_funcs->cancelled (self->owner, self);
}

/* What a call was ended for. @detail is more about that: (nullable). */
GError *
ppool_record_make_ended_error (PPoolRecord       *self,
                               PPoolRecordEnding  ending,
                               const char        *detail)
{
  const PPoolCallSpec *spec = self->outcome.spec;
  g_autofree char *name = ppool_call_spec_dup_name (self->outcome.spec);
  const char *separator = detail != NULL ? "; " : "";

  if (detail == NULL)
    detail = "";

  if (ending == PPOOL_RECORD_ABORTED)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The call of %s was aborted%s%s", name,
                        separator, detail);

  return g_error_new (PPOOL_ERROR, PPOOL_ERROR_TIMED_OUT,
                      "The call of %s was ended after %d ms, which is %s%s%s", name,
                      self->extra->timeout_msec,
                      spec->timeout_msec >= 0 ? "its timeout-msec" :
                                                "the executor's call-timeout-msec",
                      separator, detail);
}

/* The call was ended, or has answered in time with something that is no value. @detail
 * is more about that: (nullable). */
gboolean
ppool_record_settle_ended (PPoolRecord       *self,
                           PPoolRecordEnding  ending,
                           const char        *detail)
{
  g_autoptr (PPoolFailure) failure =
    ppool_failure_new (ppool_record_make_ended_error (self, ending, detail));

  if (ending == PPOOL_RECORD_ABORTED)
    return ppool_outcome_settle_aborted (&self->outcome, failure);

  return ppool_outcome_settle_failure (&self->outcome, failure);
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
