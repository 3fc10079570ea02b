/* ppool-value-name.c: names of functions
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-private.h"

#include <string.h>

/* How much of a name that can't be used is in the message. */
#define MAX_QUOTED 64

static gboolean
refuse_bytes (const char  *what,
              const char  *name,
              gsize        length,
              GError     **error)
{
  g_autofree char *quoted = NULL;
  g_autofree char *start = NULL;

  start = g_strndup (name, MIN (length, MAX_QUOTED));
  quoted = g_strescape (start, NULL);
  g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS,
               "The name of the %s is not valid UTF-8: “%s%s”", what, quoted,
               length > MAX_QUOTED ? "…" : "");
  return FALSE;
}

/* Whether a function may be called so by a caller: @what says of which function it
 * is the name, for the message. */
gboolean
ppool_value_check_name (const char  *what,
                        const char  *name,
                        GError     **error)
{
  gsize length = name != NULL ? strlen (name) : 0;

  if (length > 0 && length <= PPOOL_VALUE_MAX_NAME &&
      g_utf8_validate (name, (gssize) length, NULL))
    return TRUE;

  if (length > PPOOL_VALUE_MAX_NAME)
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_TOO_LARGE,
                 "The name of the %s has %" G_GSIZE_FORMAT " bytes; at most %d are possible", what,
                 length, PPOOL_VALUE_MAX_NAME);
  else if (length > 0)
    refuse_bytes (what, name, length, error);
  else
    g_set_error (error, PPOOL_ERROR, PPOOL_ERROR_INVALID_ARGS, "The name of the %s is %s", what,
                 name != NULL ? "empty" : "missing");

  return FALSE;
}
