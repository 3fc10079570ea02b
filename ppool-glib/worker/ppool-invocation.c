/* ppool-invocation.c: one call being served
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-invocation.h"

#include "ppool-invocation-private.h"
#include "ppool-value-private.h"

/**
 * PPoolInvocation:
 *
 * A call that a worker is serving.
 *
 * A [class@PPool.Worker] creates one for each call and passes it to the
 * function or handler that was added for the name, or to the handlers of
 * [signal@PPool.Worker::handle-call].
 *
 * A handler answers it exactly once, with
 * [method@PPool.Invocation.return_value],
 * [method@PPool.Invocation.return_gerror] or
 * [method@PPool.Invocation.return_error_literal], before it returns or at any
 * time after that. To answer later, keep a reference:
 *
 * ```c
 * static gboolean
 * answer_cb (gpointer user_data)
 * {
 *   PPoolInvocation *invocation = user_data;
 *
 *   ppool_invocation_return_value (invocation, g_variant_new_string ("at last"));
 *   return G_SOURCE_REMOVE;
 * }
 *
 * static void
 * wait_a_second (PPoolInvocation *invocation,
 *                gpointer         user_data)
 * {
 *   g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, 1, answer_cb,
 *                               g_object_ref (invocation), g_object_unref);
 * }
 * ```
 *
 * Until then the worker serves no other call, but its main context is iterated.
 * If the last reference is dropped without an answer, the call fails with
 * `PPOOL_ERROR_UNHANDLED`. A second answer is a programming error: it is
 * reported with g_critical() and ignored.
 *
 * A function answers with its return value and needs its invocation only to get
 * information about the call.
 *
 * This class is final, and programs can't create instances of it.
 *
 * **Threads**: every method may be called from any thread, and the last
 * reference may be dropped in any.
 *
 * Since: 1.0
 */

/* An invocation is unanswered or answered, and its state says which. The thread
 * that turns it has the way to the pool for itself: it answers, says so and drops
 * that, and the arguments, so that an invocation which some garbage
 * collector still holds keeps nothing alive. Who serves the call holds the
 * arguments as long as that takes. Everything else is never changed, as long as
 * there is a second reference. Finalization is one of the threads' ways to
 * answer, the last.
 *
 * Few calls ask for their cancellable. It is made by who asks first, while whoever would
 * answer waits, so that the way to the pool is still there, on which it is told. */
struct _PPoolInvocation
{
  GObject parent_instance;

  char *function; /* (owned) (nullable); a GRefString */
  GVariant *args; /* (owned) (nullable) (atomic); () once answered */

  int state; /* atomic, once others see it: 0, or of these bits */

  PPoolCallId call_id;
  PPoolAnswers *answers; /* (owned) (nullable); for whoever answers, or holds LOCK_BIT */

  GCancellable *cancellable; /* (owned) (nullable) (atomic); NULL until somebody asks */
  gint64 deadline;           /* monotonic, or -1 */
  guint attempt;             /* from 1 */
};

#define ANSWERED 1
#define LOCK_BIT 1

G_DEFINE_FINAL_TYPE (PPoolInvocation, ppool_invocation, G_TYPE_OBJECT)

static gboolean
is_answered (PPoolInvocation *self)
{
  return (g_atomic_int_get (&self->state) & ANSWERED) != 0;
}

/* Called in any thread. Returns: whether it is the caller who answers. */
static gboolean
begin_answer (PPoolInvocation *self)
{
  gboolean is_first;

  if (g_atomic_int_compare_and_exchange (&self->state, 0, ANSWERED))
    return TRUE;

  g_bit_lock (&self->state, LOCK_BIT);
  is_first = !is_answered (self);
  g_atomic_int_or (&self->state, ANSWERED);
  g_bit_unlock (&self->state, LOCK_BIT);

  return is_first;
}

static void
finish_answer (PPoolInvocation *self)
{
  g_autoptr (PPoolAnswers) answers = g_steal_pointer (&self->answers);

  if (g_atomic_pointer_get (&self->cancellable) != NULL)
    ppool_answers_unwatch (answers, &self->call_id);
  g_variant_unref (g_atomic_pointer_exchange (&self->args, ppool_value_ref_unit ()));
  ppool_answers_note_answer (answers);
}

static void
complain_about_second_answer (PPoolInvocation *self)
{
  g_critical ("The call of “%s” was answered before; this answer is ignored",
              self->function);
}

static void
ppool_invocation_finalize (GObject *object)
{
  PPoolInvocation *self = PPOOL_INVOCATION (object);

  if (!is_answered (self))
    ppool_invocation_fail (self, PPOOL_ERROR_UNHANDLED,
                           "The call of “%s” was dropped without an answer",
                           self->function);

  g_clear_pointer (&self->function, g_ref_string_release);
  g_clear_pointer (&self->args, g_variant_unref);
  g_clear_object (&self->cancellable);

  G_OBJECT_CLASS (ppool_invocation_parent_class)->finalize (object);
}

static void
ppool_invocation_class_init (PPoolInvocationClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = ppool_invocation_finalize;
}

/* One that a binding makes from nothing has nobody to answer to. */
static void
ppool_invocation_init (PPoolInvocation *self)
{
  self->state = ANSWERED;
  self->deadline = -1;
  self->attempt = 1;
}

/* Makes an invocation of @function, a GRefString. Takes @args. */
PPoolInvocation *
ppool_invocation_new (PPoolAnswers      *answers,
                      const PPoolCallId *call_id,
                      char              *function,
                      GVariant          *args)
{
  PPoolInvocation *self = g_object_new (PPOOL_TYPE_INVOCATION, NULL);

  self->answers = ppool_answers_ref (answers);
  self->call_id = *call_id;
  self->function = g_ref_string_acquire (function);
  self->args = args;
  self->state = 0;

  return self;
}

/* For a new one. */
void
ppool_invocation_set_options (PPoolInvocation *self,
                              gint64           deadline,
                              guint            attempt)
{
  self->deadline = deadline;
  self->attempt = attempt;
}

/* Says that the function has returned, whose answer comes next. For the thread that
 * serves. */
void
ppool_invocation_set_over (PPoolInvocation *self)
{
  if (!is_answered (self))
    ppool_answers_hold (self->answers);
}

/* Answers with an error of the library's own, unless there is an answer already.
 * Called in any thread, during finalization too. */
void
ppool_invocation_fail (PPoolInvocation *self,
                       PPoolError       code,
                       const char      *format,
                       ...)
{
  g_autofree char *message = NULL;
  va_list list;

  if (!begin_answer (self))
    return;

  va_start (list, format);
  message = g_strdup_vprintf (format, list);
  va_end (list);

  ppool_answers_return_failure (self->answers, &self->call_id, code, message);
  finish_answer (self);
}

/**
 * ppool_invocation_get_function:
 * @self: an invocation
 *
 * Gets the name of the function that was called.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the name
 *
 * Since: 1.0
 */
const char *
ppool_invocation_get_function (PPoolInvocation *self)
{
  g_return_val_if_fail (PPOOL_IS_INVOCATION (self), NULL);

  return self->function;
}

/**
 * ppool_invocation_get_args:
 * @self: an invocation
 *
 * Gets the arguments of the call.
 *
 * For a call without arguments this is the empty tuple, `()`.
 *
 * The arguments are valid until the call is answered and its function, handler
 * or signal handler has returned. After that this returns the empty tuple, and
 * earlier return values may have been freed: take a reference to keep them.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the arguments
 *
 * Since: 1.0
 */
GVariant *
ppool_invocation_get_args (PPoolInvocation *self)
{
  g_return_val_if_fail (PPOOL_IS_INVOCATION (self), NULL);

  return g_atomic_pointer_get (&self->args);
}

/* The call may have been cancelled before. */
static GCancellable *
make_cancellable (PPoolInvocation *self)
{
  GCancellable *cancellable = g_cancellable_new ();

  if (!is_answered (self) && ppool_answers_watch (self->answers, &self->call_id, cancellable))
    g_cancellable_cancel (cancellable);

  return cancellable;
}

/**
 * ppool_invocation_get_cancellable:
 * @self: an invocation
 *
 * Gets the cancellable of the call.
 *
 * It is cancelled when the call is aborted or has exceeded its time limit. A function that
 * takes long checks it now and then, with g_cancellable_is_cancelled(), or passes it on to
 * functions that wait:
 *
 * ```c
 * static GVariant *
 * count (PPoolInvocation  *invocation,
 *        GVariant         *args,
 *        gpointer          user_data,
 *        GError          **error)
 * {
 *   GCancellable *cancellable = ppool_invocation_get_cancellable (invocation);
 *   guint64 n = 0;
 *
 *   for (; n < g_variant_get_uint64 (args); n++)
 *     if (g_cancellable_set_error_if_cancelled (cancellable, error))
 *       return NULL;
 *
 *   return g_variant_new_uint64 (n);
 * }
 * ```
 *
 * The error of a function that noticed, which is usually `G_IO_ERROR_CANCELLED`, is sent as
 * every other is, and so is the value of one that came to its end instead.
 *
 * It is the same object whenever this is called, and is cancelled from the beginning if the
 * call was cancelled before it began. Once the call is answered, it isn't cancelled any more. It
 * never is for an initializer, nor where the program's library is one that can't cancel
 * calls that run.
 *
 * **Threads**: may be called from any thread. The cancellable is cancelled in the thread
 * that called [method@PPool.Worker.run], from its main loop, while a handler's call is
 * unanswered or a function iterates that main context; and beside a function that is
 * busy, within about 20 milliseconds after that has called this method, in a thread of the
 * library. Handlers of [signal@Gio.Cancellable::cancelled] run there then, so they do what may
 * be done in any thread. In JavaScript, which can't run in another thread, such a function
 * looks at it and connects nothing.
 *
 * Returns: (transfer none): the cancellable
 *
 * Since: 1.0
 */
GCancellable *
ppool_invocation_get_cancellable (PPoolInvocation *self)
{
  GCancellable *cancellable;

  g_return_val_if_fail (PPOOL_IS_INVOCATION (self), NULL);

  cancellable = g_atomic_pointer_get (&self->cancellable);
  if (cancellable != NULL)
    return cancellable;

  g_bit_lock (&self->state, LOCK_BIT);
  cancellable = g_atomic_pointer_get (&self->cancellable);
  if (cancellable == NULL)
    {
      cancellable = make_cancellable (self);
      g_atomic_pointer_set (&self->cancellable, cancellable);
    }
  g_bit_unlock (&self->state, LOCK_BIT);

  return cancellable;
}

/**
 * ppool_invocation_get_deadline:
 * @self: an invocation
 *
 * Gets the time at which the time limit of the call is over.
 *
 * It is a time of g_get_monotonic_time(), in microseconds. At that time the cancellable of
 * [method@PPool.Invocation.get_cancellable] is cancelled, and
 * [property@PPool.Executor:abort-grace-msec] later the worker is ended. A function that can
 * return a partial result compares the deadline with the current time.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time, or -1 if the call has no time limit
 *
 * Since: 1.0
 */
gint64
ppool_invocation_get_deadline (PPoolInvocation *self)
{
  g_return_val_if_fail (PPOOL_IS_INVOCATION (self), -1);

  return self->deadline;
}

/**
 * ppool_invocation_get_attempt:
 * @self: an invocation
 *
 * Gets the number of the attempt to run the call.
 *
 * It is more than 1 if other workers died while they ran the call, see
 * [property@PPool.Call:max-retries].
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number of this attempt, from 1
 *
 * Since: 1.0
 */
guint
ppool_invocation_get_attempt (PPoolInvocation *self)
{
  g_return_val_if_fail (PPOOL_IS_INVOCATION (self), 1);

  return self->attempt;
}

/**
 * ppool_invocation_return_value:
 * @self: an invocation
 * @value: (nullable): the value of the call, consumed if it is floating, or
 *   `NULL` for the empty tuple, `()`
 *
 * Answers the call with a value.
 *
 * If the value can't be sent, the call fails with `PPOOL_ERROR_TOO_LARGE` or
 * `PPOOL_ERROR_INVALID_ARGS`.
 *
 * **Threads**: may be called from any thread. The answer is sent by that
 * thread: a large one blocks until the program has read it.
 *
 * Since: 1.0
 */
void
ppool_invocation_return_value (PPoolInvocation *self,
                               GVariant        *value)
{
  g_autoptr (GVariant) owned_value = NULL;

  g_return_if_fail (PPOOL_IS_INVOCATION (self));

  if (value == NULL)
    value = g_variant_new_tuple (NULL, 0);
  owned_value = g_variant_ref_sink (value);

  if (!begin_answer (self))
    {
      complain_about_second_answer (self);
      return;
    }

  ppool_answers_return_value (self->answers, &self->call_id, owned_value);
  finish_answer (self);
}

/**
 * ppool_invocation_return_gerror:
 * @self: an invocation
 * @error: the error
 *
 * Answers the call with an error.
 *
 * The caller gets it with its domain, code and message. For an error in the
 * domain [error@PPool.Error], or in one that is not named as those of libraries
 * are, the caller gets `PPOOL_ERROR_REMOTE` with a message that names the
 * original.
 *
 * **Threads**: may be called from any thread. The answer is sent by that
 * thread: a large one blocks until the program has read it.
 *
 * Since: 1.0
 */
void
ppool_invocation_return_gerror (PPoolInvocation *self,
                                const GError    *error)
{
  g_return_if_fail (PPOOL_IS_INVOCATION (self));
  g_return_if_fail (error != NULL);

  if (!begin_answer (self))
    {
      complain_about_second_answer (self);
      return;
    }

  ppool_answers_return_error (self->answers, &self->call_id, error);
  finish_answer (self);
}

/**
 * ppool_invocation_return_error_literal:
 * @self: an invocation
 * @domain: the domain of the error, not 0
 * @code: its code
 * @message: its message
 *
 * Answers the call with an error given by domain, code and message.
 *
 * See [method@PPool.Invocation.return_gerror] for what the caller gets.
 *
 * **Threads**: may be called from any thread. The answer is sent by that
 * thread: a large one blocks until the program has read it.
 *
 * Since: 1.0
 */
void
ppool_invocation_return_error_literal (PPoolInvocation *self,
                                       GQuark           domain,
                                       int              code,
                                       const char      *message)
{
  g_autoptr (GError) error = NULL;

  g_return_if_fail (PPOOL_IS_INVOCATION (self));
  g_return_if_fail (domain != 0);
  g_return_if_fail (message != NULL);

  error = g_error_new_literal (domain, code, message);
  ppool_invocation_return_gerror (self, error);
}
