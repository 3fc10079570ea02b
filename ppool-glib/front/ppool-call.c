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
} PPoolCallProperty;

static GParamSpec *props[PROP_RESULT_TYPE + 1];

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
   * It is not empty, valid UTF-8, and not longer than 65535 bytes: a call with
   * another name is refused when it is submitted. `NULL` is the same as the empty
   * name.
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

/* Function and options, as they are now. */
PPoolCallSpec *
ppool_call_get_spec (PPoolCall *self)
{
  return self->spec;
}
