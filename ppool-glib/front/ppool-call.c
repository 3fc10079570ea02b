/* ppool-call.c: what to run
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-call-private.h"

/**
 * PPoolCall:
 *
 * A function name with arguments and options, to be submitted to an executor.
 *
 * A call is plain data. It can be submitted with
 * [method@PPool.Executor.submit_call] any number of times and to several
 * executors; each submission copies what it needs and has its own
 * [class@PPool.Future]. For a name and arguments without options,
 * [method@PPool.Executor.submit] needs no call object.
 *
 * ```c
 * g_autoptr (PPoolCall) call = ppool_call_new ("double", g_variant_new_int32 (21));
 * g_autoptr (PPoolFuture) future = NULL;
 *
 * ppool_call_set_timeout_msec (call, 5000);
 * ppool_call_set_label (call, "the answer");
 * future = ppool_executor_submit_call (executor, call, NULL, &error);
 * ```
 *
 * This class is final.
 *
 * **Threads**: a call may be used from any thread, but must not be changed
 * while another thread uses it.
 *
 * Since: 1.0
 */

struct _PPoolCall
{
  GObject parent_instance;

  PPoolCallSpec *spec; /* (owned): another one after each change */
  GVariant *args;      /* (owned) (nullable) */
};

typedef enum
{
  PROP_FUNCTION = 1,
  PROP_ARGS,
  PROP_RESULT_TYPE,
  PROP_TIMEOUT_MSEC,
  PROP_QUEUE_TIMEOUT_MSEC,
  PROP_MAX_RETRIES,
  PROP_LABEL,
} PPoolCallProperty;

static GParamSpec *props[PROP_LABEL + 1];

G_DEFINE_FINAL_TYPE (PPoolCall, ppool_call, G_TYPE_OBJECT)

/* What was submitted has the options of then. */
static PPoolCallSpec *
change (PPoolCall *self)
{
  PPoolCallSpec *before = self->spec;

  self->spec = ppool_call_spec_copy (before);
  ppool_call_spec_unref (before);

  return self->spec;
}

static void
ppool_call_get_property (GObject    *object,
                         guint       property_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  PPoolCall *self = PPOOL_CALL (object);

  switch ((PPoolCallProperty) property_id)
    {
    case PROP_FUNCTION:
      g_value_set_string (value, self->spec->function);
      break;
    case PROP_ARGS:
      g_value_set_variant (value, self->args);
      break;
    case PROP_RESULT_TYPE:
      g_value_set_boxed (value, self->spec->result_type);
      break;
    case PROP_TIMEOUT_MSEC:
      g_value_set_int (value, self->spec->timeout_msec);
      break;
    case PROP_QUEUE_TIMEOUT_MSEC:
      g_value_set_int (value, self->spec->queue_timeout_msec);
      break;
    case PROP_MAX_RETRIES:
      g_value_set_uint (value, self->spec->max_retries);
      break;
    case PROP_LABEL:
      g_value_set_string (value, self->spec->label);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_call_set_property (GObject      *object,
                         guint         property_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  PPoolCall *self = PPOOL_CALL (object);
  const char *function;

  switch ((PPoolCallProperty) property_id)
    {
    case PROP_FUNCTION:
      function = g_value_get_string (value);
      self->spec = ppool_call_spec_new (function != NULL ? function : "");
      break;
    case PROP_ARGS:
      self->args = g_value_dup_variant (value);
      break;
    case PROP_RESULT_TYPE:
      ppool_call_set_result_type (self, g_value_get_boxed (value));
      break;
    case PROP_TIMEOUT_MSEC:
      ppool_call_set_timeout_msec (self, g_value_get_int (value));
      break;
    case PROP_QUEUE_TIMEOUT_MSEC:
      ppool_call_set_queue_timeout_msec (self, g_value_get_int (value));
      break;
    case PROP_MAX_RETRIES:
      ppool_call_set_max_retries (self, g_value_get_uint (value));
      break;
    case PROP_LABEL:
      ppool_call_set_label (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
ppool_call_finalize (GObject *object)
{
  PPoolCall *self = PPOOL_CALL (object);

  ppool_call_spec_unref (self->spec);
  g_clear_pointer (&self->args, g_variant_unref);

  G_OBJECT_CLASS (ppool_call_parent_class)->finalize (object);
}

static void
ppool_call_class_init (PPoolCallClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = ppool_call_get_property;
  object_class->set_property = ppool_call_set_property;
  object_class->finalize = ppool_call_finalize;

  /**
   * PPoolCall:function:
   *
   * The name of the function.
   *
   * The name must be valid UTF-8, not empty, and at most 65535 bytes long;
   * otherwise submitting the call fails. `NULL` is the same as the empty name.
   *
   * Since: 1.0
   */
  props[PROP_FUNCTION] =
    g_param_spec_string ("function", NULL, NULL, "",
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:args:
   *
   * The arguments: any type of value, or `NULL` for the empty tuple.
   *
   * Since: 1.0
   */
  props[PROP_ARGS] =
    g_param_spec_variant ("args", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:result-type:
   *
   * The required type of the result, or `NULL` for any type.
   *
   * A result of another type fails the call with `PPOOL_ERROR_INVALID_ARGS`
   * and a message that names both types.
   *
   * Since: 1.0
   */
  props[PROP_RESULT_TYPE] =
    g_param_spec_boxed ("result-type", NULL, NULL, G_TYPE_VARIANT_TYPE,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:timeout-msec:
   *
   * The time that the call may run, in milliseconds, or -1 for the executor's
   * [property@PPool.Executor:call-timeout-msec].
   *
   * The default is -1. With 0 the call is ended as soon as a worker has taken it, and with
   * `G_MAXINT`, which is 24 days, it has practically no limit, whatever that of the executor is.
   *
   * The time starts when a worker takes the call, and again with each attempt. It does not
   * include time in which the system is suspended. After this time the call is ended as by
   * [method@PPool.Future.abort]; if the function still returns a value, the future has this
   * value, and otherwise the call fails with `PPOOL_ERROR_TIMED_OUT`. Other calls are not
   * affected. While a debugger traces the worker, the call is not ended.
   *
   * Since: 1.0
   */
  props[PROP_TIMEOUT_MSEC] =
    g_param_spec_int ("timeout-msec", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:queue-timeout-msec:
   *
   * The time that the call may wait for a worker, in milliseconds, or -1 for the
   * executor's [property@PPool.Executor:queue-timeout-msec].
   *
   * The default is -1. With 0 the call fails unless a worker takes it at once, and `G_MAXINT`
   * is practically no limit.
   *
   * If no worker has taken the call after this time, it fails with
   * `PPOOL_ERROR_TIMED_OUT` and never runs. The limit does not apply to a call that
   * runs again after its worker has died.
   *
   * Since: 1.0
   */
  props[PROP_QUEUE_TIMEOUT_MSEC] =
    g_param_spec_int ("queue-timeout-msec", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:max-retries:
   *
   * The number of times that the call runs again after its worker has died.
   *
   * The default is 0. Use it with `PPOOL_CRASH_POLICY_REPLACE`, for functions that may run
   * more than once.
   * The call keeps its place in the queue, and its state remains running. If the worker was
   * killed by a `SIGKILL` that did not come from this program, as when memory ran out, the call
   * waits for 1 s before it runs again, and twice as long each time. A
   * call does not run again after its function has returned an error, or after a timeout or
   * an abort.
   *
   * Since: 1.0
   */
  props[PROP_MAX_RETRIES] =
    g_param_spec_uint ("max-retries", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * PPoolCall:label:
   *
   * The label of the call, such as the name of the file that it processes, or
   * `NULL`.
   *
   * If the worker that runs the call dies, or the call is ended or waits too long, the label
   * is part of the error message.
   *
   * Since: 1.0
   */
  props[PROP_LABEL] =
    g_param_spec_string ("label", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
ppool_call_init (PPoolCall *self G_GNUC_UNUSED)
{
}

/**
 * ppool_call_new:
 * @function: the name of a function
 * @args: (nullable): the arguments, of any type; consumed if floating. `NULL`
 *   is the empty tuple
 *
 * Creates a call.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer full): a new call
 *
 * Since: 1.0
 */
PPoolCall *
ppool_call_new (const char *function,
                GVariant   *args)
{
  g_return_val_if_fail (function != NULL, NULL);

  return g_object_new (PPOOL_TYPE_CALL,
                       "function", function,
                       "args", args,
                       NULL);
}

/**
 * ppool_call_get_function:
 * @self: a call
 *
 * Gets the name of the function.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none): the name
 *
 * Since: 1.0
 */
const char *
ppool_call_get_function (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), NULL);

  return self->spec->function;
}

/**
 * ppool_call_get_args:
 * @self: a call
 *
 * Gets the arguments.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the arguments, or `NULL` if the call was
 *   made without any
 *
 * Since: 1.0
 */
GVariant *
ppool_call_get_args (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), NULL);

  return self->args;
}

/**
 * ppool_call_get_result_type:
 * @self: a call
 *
 * Gets the required type of the result.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the type, or `NULL` for any
 *
 * Since: 1.0
 */
const GVariantType *
ppool_call_get_result_type (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), NULL);

  return self->spec->result_type;
}

/**
 * ppool_call_set_result_type:
 * @self: a call
 * @result_type: (nullable): a type, or `NULL` for any
 *
 * Sets the required type of the result.
 *
 * It may be indefinite, such as `a*`. Earlier submissions are not affected.
 *
 * **Threads**: not while another thread uses @self.
 *
 * Since: 1.0
 */
void
ppool_call_set_result_type (PPoolCall          *self,
                            const GVariantType *result_type)
{
  const GVariantType *before;
  PPoolCallSpec *spec;

  g_return_if_fail (PPOOL_IS_CALL (self));

  before = self->spec->result_type;
  if (before == result_type ||
      (before != NULL && result_type != NULL && g_variant_type_equal (before, result_type)))
    return;

  spec = change (self);
  g_clear_pointer (&spec->result_type, g_variant_type_free);
  if (result_type != NULL)
    spec->result_type = g_variant_type_copy (result_type);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RESULT_TYPE]);
}

/**
 * ppool_call_get_timeout_msec:
 * @self: a call
 *
 * Gets the time that the call may run.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or -1 for that of the executor
 *
 * Since: 1.0
 */
int
ppool_call_get_timeout_msec (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), -1);

  return self->spec->timeout_msec;
}

/**
 * ppool_call_set_timeout_msec:
 * @self: a call
 * @timeout_msec: a time in milliseconds, or -1 for that of the executor
 *
 * Sets [property@PPool.Call:timeout-msec].
 *
 * Earlier submissions are not affected.
 *
 * **Threads**: not while another thread uses @self.
 *
 * Since: 1.0
 */
void
ppool_call_set_timeout_msec (PPoolCall *self,
                             int        timeout_msec)
{
  g_return_if_fail (PPOOL_IS_CALL (self));
  g_return_if_fail (timeout_msec >= -1);

  if (self->spec->timeout_msec == timeout_msec)
    return;

  change (self)->timeout_msec = timeout_msec;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT_MSEC]);
}

/**
 * ppool_call_get_queue_timeout_msec:
 * @self: a call
 *
 * Gets the time that the call may wait for a worker.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the time in milliseconds, or -1 for that of the executor
 *
 * Since: 1.0
 */
int
ppool_call_get_queue_timeout_msec (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), -1);

  return self->spec->queue_timeout_msec;
}

/**
 * ppool_call_set_queue_timeout_msec:
 * @self: a call
 * @queue_timeout_msec: a time in milliseconds, or -1 for that of the executor
 *
 * Sets [property@PPool.Call:queue-timeout-msec].
 *
 * Earlier submissions are not affected.
 *
 * **Threads**: not while another thread uses @self.
 *
 * Since: 1.0
 */
void
ppool_call_set_queue_timeout_msec (PPoolCall *self,
                                   int        queue_timeout_msec)
{
  g_return_if_fail (PPOOL_IS_CALL (self));
  g_return_if_fail (queue_timeout_msec >= -1);

  if (self->spec->queue_timeout_msec == queue_timeout_msec)
    return;

  change (self)->queue_timeout_msec = queue_timeout_msec;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_QUEUE_TIMEOUT_MSEC]);
}

/**
 * ppool_call_get_max_retries:
 * @self: a call
 *
 * Gets the number of times that the call runs again after its worker has died.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint
ppool_call_get_max_retries (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), 0);

  return self->spec->max_retries;
}

/**
 * ppool_call_set_max_retries:
 * @self: a call
 * @max_retries: a number
 *
 * Sets [property@PPool.Call:max-retries].
 *
 * Earlier submissions are not affected.
 *
 * **Threads**: not while another thread uses @self.
 *
 * Since: 1.0
 */
void
ppool_call_set_max_retries (PPoolCall *self,
                            guint      max_retries)
{
  g_return_if_fail (PPOOL_IS_CALL (self));

  if (self->spec->max_retries == max_retries)
    return;

  change (self)->max_retries = max_retries;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MAX_RETRIES]);
}

/**
 * ppool_call_get_label:
 * @self: a call
 *
 * Gets the label of the call.
 *
 * **Threads**: may be called from any thread.
 *
 * Returns: (transfer none) (nullable): the label
 *
 * Since: 1.0
 */
const char *
ppool_call_get_label (PPoolCall *self)
{
  g_return_val_if_fail (PPOOL_IS_CALL (self), NULL);

  return self->spec->label;
}

/**
 * ppool_call_set_label:
 * @self: a call
 * @label: (nullable): a label, or `NULL`
 *
 * Sets [property@PPool.Call:label].
 *
 * Earlier submissions are not affected.
 *
 * **Threads**: not while another thread uses @self.
 *
 * Since: 1.0
 */
void
ppool_call_set_label (PPoolCall  *self,
                      const char *label)
{
  PPoolCallSpec *spec;

  g_return_if_fail (PPOOL_IS_CALL (self));

  if (g_strcmp0 (self->spec->label, label) == 0)
    return;

  spec = change (self);
  g_free (spec->label);
  spec->label = g_strdup (label);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LABEL]);
}

/* Function and options, as they are now. */
PPoolCallSpec *
ppool_call_get_spec (PPoolCall *self)
{
  return self->spec;
}
