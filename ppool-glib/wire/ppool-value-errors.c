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

/* A domain's name comes from another process, and what is made a quark stays for good:
 * so there are no more than this, and nothing but names as libraries have. */
#define MAX_NEW_DOMAINS 64
#define MAX_DOMAIN_LENGTH 128

/* Of the library and its overrides: who knows such a domain has asked for it. */
#define OWN_PREFIX "ppool-"

/* Domains are looked up by name, and a name that nothing here has asked for
 * yet is unknown; these are the ones that functions use, and would count as new. */
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

static gboolean
is_plain_domain (const char *domain)
{
  gsize length = strspn (domain, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.:");

  return length > 0 && length <= MAX_DOMAIN_LENGTH && domain[length] == '\0' &&
         !g_str_has_prefix (domain, OWN_PREFIX);
}

/* Without a lock, which a forked copy of the process could find taken. */
static gboolean
may_add_domain (void)
{
  static int n_new; /* atomic */
  int n;

  do
    n = g_atomic_int_get (&n_new);
  while (n < MAX_NEW_DOMAINS && !g_atomic_int_compare_and_exchange (&n_new, n, n + 1));

  return n < MAX_NEW_DOMAINS;
}

/* Returns: 0 if nothing here knows the domain */
static GQuark
find_domain (const char *domain)
{
  GQuark quark = g_quark_try_string (domain);

  if (quark == 0 && is_plain_domain (domain) && may_add_domain ())
    quark = g_quark_from_string (domain);

  return quark;
}

/* Makes the error that a function has set. */
GError *
ppool_value_error_new (const char *domain,
                       int         code,
                       const char *message)
{
  g_autofree char *clean = ppool_value_clean_message (message);
  GQuark quark;

  ensure_domains ();

  quark = find_domain (domain);
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
