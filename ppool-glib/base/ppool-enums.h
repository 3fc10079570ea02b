/* ppool-enums.h: the public enumerations
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(PPOOL_INSIDE) && !defined(PPOOL_COMPILATION)
#error "Only <ppool-glib/ppool-glib.h> can be included directly."
#endif

#include <glib-object.h>

#include "ppool-version-macros.h"

G_BEGIN_DECLS

/**
 * PPoolFutureState:
 * @PPOOL_FUTURE_STATE_PENDING: no worker has taken the call yet
 * @PPOOL_FUTURE_STATE_RUNNING: a worker has taken the call
 * @PPOOL_FUTURE_STATE_FINISHED: the call has a value or an error
 * @PPOOL_FUTURE_STATE_CANCELLED: the call was cancelled and will never run, or it was
 *   aborted and returned no value
 *
 * The states of a call.
 *
 * A call goes from pending to running to finished, or from pending to cancelled, or,
 * if it fails before a worker has taken it, from pending to finished. A call that is
 * aborted goes from running to cancelled. It never returns to an earlier state: a call
 * that runs again after its worker has died remains running.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_FUTURE_STATE_PENDING,
  PPOOL_FUTURE_STATE_RUNNING,
  PPOOL_FUTURE_STATE_FINISHED,
  PPOOL_FUTURE_STATE_CANCELLED,
} PPoolFutureState;

/**
 * PPoolReturnWhen:
 * @PPOOL_RETURN_WHEN_FIRST_COMPLETED: when any call has completed
 * @PPOOL_RETURN_WHEN_FIRST_ERROR: when any call has failed, or all calls have
 *   completed; a cancelled call has not failed
 * @PPOOL_RETURN_WHEN_ALL_COMPLETED: when all calls have completed
 *
 * The conditions for which [func@PPool.wait_futures] can wait.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_RETURN_WHEN_FIRST_COMPLETED,
  PPOOL_RETURN_WHEN_FIRST_ERROR,
  PPOOL_RETURN_WHEN_ALL_COMPLETED,
} PPoolReturnWhen;

/**
 * PPoolExecutorState:
 * @PPOOL_EXECUTOR_STATE_RUNNING: calls are accepted
 * @PPOOL_EXECUTOR_STATE_SHUTTING_DOWN: no more calls are accepted; accepted
 *   calls are completed, and the workers exit
 * @PPOOL_EXECUTOR_STATE_SHUT_DOWN: every call has completed and every worker
 *   has exited
 * @PPOOL_EXECUTOR_STATE_BROKEN: a worker died or could not be started;
 *   [method@PPool.Executor.get_error] returns the cause
 *
 * The states of an executor.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_EXECUTOR_STATE_RUNNING,
  PPOOL_EXECUTOR_STATE_SHUTTING_DOWN,
  PPOOL_EXECUTOR_STATE_SHUT_DOWN,
  PPOOL_EXECUTOR_STATE_BROKEN,
} PPoolExecutorState;

/**
 * PPoolCrashPolicy:
 * @PPOOL_CRASH_POLICY_BREAK: the executor is broken: all its calls fail with
 *   `PPOOL_ERROR_BROKEN`, and no more are accepted
 * @PPOOL_CRASH_POLICY_REPLACE: the call that the worker ran fails with
 *   `PPOOL_ERROR_WORKER_DIED`, or runs again if its
 *   [property@PPool.Call:max-retries] allows that; other calls are not affected,
 *   and another worker is started for them
 *
 * The effects that the death of a worker can have on its executor.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_CRASH_POLICY_BREAK,
  PPOOL_CRASH_POLICY_REPLACE,
} PPoolCrashPolicy;

/**
 * PPoolDeathCause:
 * @PPOOL_DEATH_CAUSE_UNKNOWN: the cause is not known: another part of the program waited
 *   for the process
 * @PPOOL_DEATH_CAUSE_EXIT: the worker exited
 * @PPOOL_DEATH_CAUSE_SIGNAL: the worker was killed by a signal, from itself or from
 *   another process
 * @PPOOL_DEATH_CAUSE_KILLED: the worker was killed by a `SIGKILL` that did not come from
 *   this program
 * @PPOOL_DEATH_CAUSE_OUT_OF_MEMORY: as `PPOOL_DEATH_CAUSE_KILLED`, and the kernel
 *   reports that it killed a process of this control group because memory ran out; or the
 *   worker died after it wrote to its standard error that it could not allocate memory
 * @PPOOL_DEATH_CAUSE_CLOSED: the worker closed its channel
 * @PPOOL_DEATH_CAUSE_PROTOCOL: the worker sent an invalid message, and was killed
 * @PPOOL_DEATH_CAUSE_ENDED: this program ended the worker because its call was aborted or
 *   took too long
 * @PPOOL_DEATH_CAUSE_LIMIT: the worker exceeded its limit of processor time or of the size
 *   of files (`SIGXCPU`, `SIGXFSZ`)
 *
 * The most likely causes of the death of a worker.
 *
 * More causes may be added.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_DEATH_CAUSE_UNKNOWN,
  PPOOL_DEATH_CAUSE_EXIT,
  PPOOL_DEATH_CAUSE_SIGNAL,
  PPOOL_DEATH_CAUSE_KILLED,
  PPOOL_DEATH_CAUSE_OUT_OF_MEMORY,
  PPOOL_DEATH_CAUSE_CLOSED,
  PPOOL_DEATH_CAUSE_PROTOCOL,
  PPOOL_DEATH_CAUSE_ENDED,
  PPOOL_DEATH_CAUSE_LIMIT,
} PPoolDeathCause;

/**
 * PPoolWorkerExitReason:
 * @PPOOL_WORKER_EXIT_REASON_NONE: the worker has not exited
 * @PPOOL_WORKER_EXIT_REASON_TASKS: the worker had run
 *   [property@PPool.Executor:max-tasks-per-worker] calls
 * @PPOOL_WORKER_EXIT_REASON_SURPLUS: [property@PPool.Executor:max-workers] was set to a smaller
 *   number
 * @PPOOL_WORKER_EXIT_REASON_SHUTDOWN: the executor was shut down or dropped
 * @PPOOL_WORKER_EXIT_REASON_TERMINATED: [method@PPool.Executor.terminate_workers] or
 *   [method@PPool.Executor.kill_workers] was called
 * @PPOOL_WORKER_EXIT_REASON_BROKEN: the executor was broken by another worker
 * @PPOOL_WORKER_EXIT_REASON_ENDED: this program ended the worker because its call was aborted
 *   or took too long
 * @PPOOL_WORKER_EXIT_REASON_DIED: the worker exited or was killed unexpectedly, its initializer
 *   failed, or it was killed because it sent an invalid message
 * @PPOOL_WORKER_EXIT_REASON_NOT_STARTED: no process could be started
 *
 * The reasons for which workers exit.
 *
 * With the last three, [signal@PPool.Executor::worker-exited] also has an error.
 *
 * More reasons may be added.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_WORKER_EXIT_REASON_NONE,
  PPOOL_WORKER_EXIT_REASON_TASKS,
  PPOOL_WORKER_EXIT_REASON_SURPLUS,
  PPOOL_WORKER_EXIT_REASON_SHUTDOWN,
  PPOOL_WORKER_EXIT_REASON_TERMINATED,
  PPOOL_WORKER_EXIT_REASON_BROKEN,
  PPOOL_WORKER_EXIT_REASON_ENDED,
  PPOOL_WORKER_EXIT_REASON_DIED,
  PPOOL_WORKER_EXIT_REASON_NOT_STARTED,
} PPoolWorkerExitReason;

/**
 * PPoolShutdownFlags:
 * @PPOOL_SHUTDOWN_FLAGS_NONE: complete every call that was accepted
 * @PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING: cancel the calls that no worker has
 *   taken yet, and those that wait to run again after the death of a worker
 *
 * Flags for shutting down an executor.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  PPOOL_SHUTDOWN_FLAGS_NONE           = 0,
  PPOOL_SHUTDOWN_FLAGS_CANCEL_PENDING = (1 << 0),
} PPoolShutdownFlags;

/**
 * PPoolStderrMode:
 * @PPOOL_STDERR_MODE_TEE: output is passed on to the standard error of this
 *   process, and its end is kept for error messages
 * @PPOOL_STDERR_MODE_INHERIT: workers use the standard error of this process
 *   directly; nothing is kept
 * @PPOOL_STDERR_MODE_DISCARD: nothing is printed, but the end of the output is
 *   kept for error messages
 *
 * The ways to handle the standard error of workers.
 *
 * Since: 1.0
 */
typedef enum
{
  PPOOL_STDERR_MODE_TEE,
  PPOOL_STDERR_MODE_INHERIT,
  PPOOL_STDERR_MODE_DISCARD,
} PPoolStderrMode;

G_END_DECLS
