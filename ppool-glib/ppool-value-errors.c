/* ppool-value-errors.c: how errors travel
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "config.h"

#include "ppool-value-private.h"

#include <string.h>

static const struct
{
  PPoolError code;
  const char *name;
} reserved_errors[] = {
  { PPOOL_ERROR_UNKNOWN_FUNCTION, "org.ppool.Error.UnknownFunction" },
  { PPOOL_ERROR_INVALID_ARGS, "org.ppool.Error.InvalidArgs" },
  { PPOOL_ERROR_TOO_LARGE, "org.ppool.Error.TooLarge" },
  { PPOOL_ERROR_UNHANDLED, "org.ppool.Error.Unhandled" },
  /* What D-Bus libraries say by themselves. */
  { PPOOL_ERROR_UNKNOWN_FUNCTION, "org.freedesktop.DBus.Error.UnknownMethod" },
};

const char *
ppool_value_error_name (PPoolError code)
{
  for (guint i = 0; i < G_N_ELEMENTS (reserved_errors); i++)
    if (reserved_errors[i].code == code)
      return reserved_errors[i].name;

  g_return_val_if_reached (NULL);
}

/* Messages are file names and foreign exceptions as often as not: they are
 * made valid and bounded before they travel and again when they arrive. */
char *
ppool_value_clean_message (const char *message)
{
  gsize length = strnlen (message, PPOOL_VALUE_MAX_MESSAGE + 1);
  g_autofree char *valid = g_utf8_make_valid (message, MIN (length, PPOOL_VALUE_MAX_MESSAGE));
  char *end;

  if (length <= PPOOL_VALUE_MAX_MESSAGE && strlen (valid) <= PPOOL_VALUE_MAX_MESSAGE)
    return g_steal_pointer (&valid);

  end = valid + PPOOL_VALUE_MAX_MESSAGE - strlen ("…");
  while (((guchar) *end & 0xc0) == 0x80)
    end--;
  *end = '\0';

  return g_strconcat (valid, "…", NULL);
}

/* Domains are looked up by name, and a name that nothing here has asked for
 * yet is unknown; these are the ones that functions use. */
static void
ensure_domains (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      (void) G_BOOKMARK_FILE_ERROR;
      (void) G_CONVERT_ERROR;
      (void) G_DBUS_ERROR;
      (void) G_FILE_ERROR;
      (void) G_IO_ERROR;
      (void) G_KEY_FILE_ERROR;
      (void) G_MARKUP_ERROR;
      (void) G_NUMBER_PARSER_ERROR;
      (void) G_OPTION_ERROR;
      (void) G_REGEX_ERROR;
      (void) G_RESOLVER_ERROR;
      (void) G_RESOURCE_ERROR;
      (void) G_SHELL_ERROR;
      (void) G_SPAWN_ERROR;
      (void) G_SPAWN_EXIT_ERROR;
      (void) G_THREAD_ERROR;
      (void) G_TLS_ERROR;
      (void) G_URI_ERROR;
      (void) G_VARIANT_PARSE_ERROR;
      g_once_init_leave (&once, 1);
    }
}

/* Makes the error that a function has set. The domain is looked up and never
 * interned: the names come from another process. */
GError *
ppool_value_error_new (const char *domain,
                       int         code,
                       const char *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);
  GQuark quark;

  ensure_domains ();

  quark = g_quark_try_string (domain);
  if (quark == 0 || quark == PPOOL_ERROR)
    return g_error_new (PPOOL_ERROR, PPOOL_ERROR_REMOTE, "%s (%.255s, code %d)", clean, domain,
                        code);

  return g_error_new_literal (quark, code, clean);
}

/* Makes the error of a reply that carries nothing but a D-Bus error name. */
GError *
ppool_value_error_new_by_name (const char *name,
                               const char *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);

  for (guint i = 0; i < G_N_ELEMENTS (reserved_errors); i++)
    if (g_str_equal (reserved_errors[i].name, name))
      return g_error_new_literal (PPOOL_ERROR, (int) reserved_errors[i].code, clean);

  return g_error_new (PPOOL_ERROR, PPOOL_ERROR_REMOTE, "%s (%.255s)", clean, name);
}
