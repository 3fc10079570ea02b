/* ppool-error.h: what can go wrong, by code
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <glib.h>

#include "ppool-version-macros.h"

G_BEGIN_DECLS

/**
 * PPoolError:
 * @PPOOL_ERROR_BROKEN: the pool of the executor is broken;
 *   [method@PPool.Executor.get_error] returns the cause
 * @PPOOL_ERROR_SHUT_DOWN: the executor had been shut down
 * @PPOOL_ERROR_WORKER_DIED: a worker was killed, exited unexpectedly, or closed
 *   its channel
 * @PPOOL_ERROR_TIMED_OUT: a call exceeded the time that it may run, or the time that
 *   it may wait for a worker. A wait that times out fails with `G_IO_ERROR_TIMED_OUT`
 *   instead
 * @PPOOL_ERROR_UNKNOWN_FUNCTION: the worker has no function of that name
 * @PPOOL_ERROR_UNHANDLED: the function returned neither a value nor an error
 * @PPOOL_ERROR_INVALID_ARGS: the worker does not support the type of a value, a
 *   value was created from invalid bytes, or a result does not have the type
 *   that the call requires
 * @PPOOL_ERROR_INITIALIZER: the initializer of a worker failed
 * @PPOOL_ERROR_LAUNCH: a worker could not be started, or exited or did not
 *   respond before it was ready
 * @PPOOL_ERROR_PROTOCOL: a worker sent an invalid message
 * @PPOOL_ERROR_TOO_LARGE: a value is larger than the channel to the worker can
 *   carry
 * @PPOOL_ERROR_QUEUE_FULL: too many calls are waiting; reserved, not used by
 *   this version
 * @PPOOL_ERROR_SYSTEM_LIMIT: a limit of the system is too low for the pool
 * @PPOOL_ERROR_REMOTE: the function set an error that can't be reproduced here:
 *   one of this domain, of another language, or of a domain whose name is not
 *   that of a library; the message names the domain
 *
 * Error codes of the library.
 *
 * More codes may be added. Besides these, waiting can fail with
 * `G_IO_ERROR_TIMED_OUT` and `G_IO_ERROR_CANCELLED`, and a call with any error
 * that its function sets.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_ERROR_BROKEN,
  PPOOL_ERROR_SHUT_DOWN,
  PPOOL_ERROR_WORKER_DIED,
  PPOOL_ERROR_TIMED_OUT,
  PPOOL_ERROR_UNKNOWN_FUNCTION,
  PPOOL_ERROR_UNHANDLED,
  PPOOL_ERROR_INVALID_ARGS,
  PPOOL_ERROR_INITIALIZER,
  PPOOL_ERROR_LAUNCH,
  PPOOL_ERROR_PROTOCOL,
  PPOOL_ERROR_TOO_LARGE,
  PPOOL_ERROR_QUEUE_FULL,
  PPOOL_ERROR_SYSTEM_LIMIT,
  PPOOL_ERROR_REMOTE,
} PPoolError;

/**
 * PPOOL_ERROR:
 *
 * Error domain of the library.
 *
 * Errors in this domain are from the [error@PPool.Error] enumeration.
 *
 * Since: 1.0
 */
#define PPOOL_ERROR (ppool_error_quark ())

PPOOL_AVAILABLE_IN_1_0
GQuark ppool_error_quark (void);

G_END_DECLS
