/* fewer.c: doing things less often
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fewer.h"

gboolean
fewer_will_do (void)
{
  return g_getenv ("PPOOL_TEST_LESS") != NULL;
}

guint
fewer (guint n)
{
  return fewer_will_do () ? (n + 9) / 10 : n;
}
