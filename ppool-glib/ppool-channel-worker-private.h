/* ppool-channel-worker-private.h: how a worker answers
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "ppool-channel-private.h"

G_BEGIN_DECLS

gboolean      ppool_channel_take            (PPoolChannel      *self,
                                             const PPoolTicket *ticket);
void          ppool_channel_return_info     (PPoolChannel      *self,
                                             const PPoolTicket *ticket);
void          ppool_channel_return_value    (PPoolChannel      *self,
                                             const PPoolTicket *ticket,
                                             GVariant          *value);
/* An error that the function set: it never passes for a verdict of the
 * library, not even in its domain. */
void          ppool_channel_return_error    (PPoolChannel      *self,
                                             const PPoolTicket *ticket,
                                             const GError      *error);
/* The worker room's own verdict: UNKNOWN_FUNCTION or UNHANDLED (and, from the
 * channel itself, TOO_LARGE and INVALID_ARGS). */
void          ppool_channel_return_failure  (PPoolChannel      *self,
                                             const PPoolTicket *ticket,
                                             PPoolError         code,
                                             const char        *message);

G_END_DECLS
