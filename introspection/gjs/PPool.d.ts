// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// PPool-GLib in JavaScript, with the override. The types of GLib, GObject and Gio are from
// @girs/gjs.

declare module 'gi://PPool?version=1.0' {
    import type Gio from 'gi://Gio?version=2.0';
    import type GLib from 'gi://GLib?version=2.0';
    import type GObject from 'gi://GObject?version=2.0';

    export namespace PPool {
        const MAJOR_VERSION: number;
        const MINOR_VERSION: number;
        const MICRO_VERSION: number;

        // Values

        /** Arrays of numbers, sent as a whole. All but arrays of bytes arrive as an Array. */
        type NumberArray = Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array |
            BigInt64Array | BigUint64Array | Float64Array;

        /** The plain values that can be sent: see the table of docs/javascript.md. */
        type Sendable = null | undefined | boolean | number | bigint | string | NumberArray |
            Uint8ClampedArray | ArrayBuffer | GLib.Bytes | GLib.Variant | Buffer |
            readonly Sendable[] | ReadonlyMap<string | number | bigint | boolean, Sendable> |
            {readonly [key: string]: Sendable};

        /** The values that arrive. The program declares the type that it expects. */
        // eslint-disable-next-line @typescript-eslint/no-explicit-any
        type Received = any;

        /** The value of a call: a variant for a variant, otherwise a plain value. */
        type ReceivedFor<A> = A extends GLib.Variant ? GLib.Variant : Received;

        /** An object like the AbortSignal of browsers. */
        interface AbortSignalLike {
            readonly aborted: boolean;
            addEventListener(type: 'abort', listener: (event: any) => void): void;
            removeEventListener?(type: 'abort', listener: (event: any) => void): void;
        }

        type Cancellable = Gio.Cancellable | AbortSignalLike | null;

        /** Converts a plain value to a variant; returns a variant unchanged. */
        function pack(value?: Sendable): GLib.Variant;
        /** Converts a variant to a plain value. */
        function unpack(variant: GLib.Variant): Received;

        // Enumerations and errors

        /** The effect of the death of a worker: all calls fail, or one does. */
        enum CrashPolicy {
            BREAK,
            REPLACE,
        }

        enum DeathCause {
            UNKNOWN,
            EXIT,
            SIGNAL,
            KILLED,
            OUT_OF_MEMORY,
            CLOSED,
            PROTOCOL,
            ENDED,
            LIMIT,
        }

        enum ExecutorState {
            RUNNING,
            SHUTTING_DOWN,
            SHUT_DOWN,
            BROKEN,
        }

        enum FutureState {
            PENDING,
            RUNNING,
            FINISHED,
            CANCELLED,
        }

        enum ReturnWhen {
            FIRST_COMPLETED,
            FIRST_ERROR,
            ALL_COMPLETED,
        }

        enum ShutdownFlags {
            NONE,
            CANCEL_PENDING,
        }

        enum StderrMode {
            TEE,
            INHERIT,
            DISCARD,
        }

        /** The reasons for which workers exit. */
        enum WorkerExitReason {
            NONE,
            TASKS,
            SURPLUS,
            SHUTDOWN,
            TERMINATED,
            BROKEN,
            ENDED,
            DIED,
            NOT_STARTED,
        }

        /** Errors of pools: `error.matches(PPool.Error, PPool.Error.BROKEN)`. */
        class Error extends GLib.Error {
            /** If the worker of the call has died, or was ended for it. */
            readonly death?: Death;
            static readonly BROKEN: number;
            static readonly SHUT_DOWN: number;
            static readonly WORKER_DIED: number;
            static readonly TIMED_OUT: number;
            static readonly UNKNOWN_FUNCTION: number;
            static readonly UNHANDLED: number;
            static readonly INVALID_ARGS: number;
            static readonly INITIALIZER: number;
            static readonly LAUNCH: number;
            static readonly PROTOCOL: number;
            static readonly TOO_LARGE: number;
            static readonly QUEUE_FULL: number;
            static readonly SYSTEM_LIMIT: number;
            static readonly REMOTE: number;

            static quark(): number;
        }

        function error_quark(): number;

        // The program's side

        interface ExecutorProperties {
            launcher: Launcher | null;
            max_workers: number;
            maxWorkers: number;
            spare_workers: number;
            spareWorkers: number;
            max_tasks_per_worker: number;
            maxTasksPerWorker: number;
            initializer: string | null;
            initializer_args: Sendable;
            initializerArgs: Sendable;
            grace_msec: number;
            graceMsec: number;
            max_start_failures: number;
            maxStartFailures: number;
            abort_grace_msec: number;
            abortGraceMsec: number;
            call_timeout_msec: number;
            callTimeoutMsec: number;
            queue_timeout_msec: number;
            queueTimeoutMsec: number;
            crash_policy: CrashPolicy;
            crashPolicy: CrashPolicy;
            cancel_running: boolean;
            cancelRunning: boolean;
        }

        /** The options of a call, or of each call of a map. Times are in milliseconds. */
        interface CallLimits {
            /** The time that it may run. */
            timeout?: number;
            /** The time that it may wait for a worker. */
            queueTimeout?: number;
            queue_timeout?: number;
            /** The number of times that it runs again when its worker dies. */
            retries?: number;
            /** The label for the message of a death. */
            label?: string | null;
        }

        interface CallOptions extends CallLimits {
            cancellable?: Cancellable;
        }

        interface MapOptions extends CallLimits {
            buffer_size?: number;
            bufferSize?: number;
            chunk_size?: number;
            chunkSize?: number;
            timeout_msec?: number;
            timeoutMsec?: number;
            /** False has the map go on after the error of a call; not with an AsyncIterable. */
            stop_on_error?: boolean;
            stopOnError?: boolean;
            cancellable?: Cancellable;
        }

        /** Accepts calls and returns futures. Final. */
        class Executor extends GObject.Object {
            /** Without a launcher, workers run this program again. */
            constructor(properties?: Partial<ExecutorProperties>);
            constructor(launcher: Launcher | null, properties?: Partial<ExecutorProperties>);
            static new(launcher?: Launcher | null): Executor;

            readonly launcher: Launcher;
            max_workers: number;
            maxWorkers: number;
            spare_workers: number;
            spareWorkers: number;
            max_tasks_per_worker: number;
            maxTasksPerWorker: number;
            readonly initializer: string | null;
            readonly initializer_args: GLib.Variant | null;
            readonly initializerArgs: GLib.Variant | null;
            grace_msec: number;
            graceMsec: number;
            max_start_failures: number;
            maxStartFailures: number;
            abort_grace_msec: number;
            abortGraceMsec: number;
            call_timeout_msec: number;
            callTimeoutMsec: number;
            queue_timeout_msec: number;
            queueTimeoutMsec: number;
            crash_policy: CrashPolicy;
            crashPolicy: CrashPolicy;
            cancel_running: boolean;
            cancelRunning: boolean;
            readonly state: ExecutorState;
            readonly n_workers: number;
            readonly nWorkers: number;
            readonly n_pending: number;
            readonly nPending: number;
            readonly n_running: number;
            readonly nRunning: number;

            get_launcher(): Launcher;
            get_max_workers(): number;
            set_max_workers(max_workers: number): void;
            get_spare_workers(): number;
            set_spare_workers(spare_workers: number): void;
            get_max_tasks_per_worker(): number;
            set_max_tasks_per_worker(max_tasks_per_worker: number): void;
            get_initializer(): string | null;
            get_initializer_args(): GLib.Variant | null;
            get_grace_msec(): number;
            set_grace_msec(grace_msec: number): void;
            get_max_start_failures(): number;
            set_max_start_failures(max_start_failures: number): void;
            get_abort_grace_msec(): number;
            set_abort_grace_msec(abort_grace_msec: number): void;
            get_call_timeout_msec(): number;
            set_call_timeout_msec(call_timeout_msec: number): void;
            get_queue_timeout_msec(): number;
            set_queue_timeout_msec(queue_timeout_msec: number): void;
            get_crash_policy(): CrashPolicy;
            set_crash_policy(crash_policy: CrashPolicy): void;
            get_cancel_running(): boolean;
            set_cancel_running(cancel_running: boolean): void;
            get_state(): ExecutorState;
            get_n_workers(): number;
            get_n_pending(): number;
            get_n_running(): number;
            get_error(): GLib.Error | null;
            /** Makes a broken executor accept calls again. */
            revive(): boolean;

            prestart(n_workers?: number): boolean;

            submit<A extends Sendable = null>(name: string, args?: A,
                options?: CallOptions | Cancellable): Future<ReceivedFor<A>>;
            submit_call<A extends Sendable>(call: Call<A>, cancellable?: Cancellable):
                Future<ReceivedFor<A>>;

            /** Calls a function, and returns a promise of its value. */
            call<A extends Sendable = null>(name: string, args?: A,
                options?: CallOptions | Cancellable): Promise<ReceivedFor<A>>;
            call_async<A extends Sendable = null>(name: string, args?: A,
                options?: CallOptions | Cancellable): Promise<ReceivedFor<A>>;
            call_async(name: string, args: Sendable, options: CallOptions | Cancellable,
                callback: AsyncReadyCallback<Executor>): void;
            call_finish(result: Gio.AsyncResult): GLib.Variant;
            /** Calls a function, and blocks until it has returned its value. */
            call_sync<A extends Sendable = null>(name: string, args?: A,
                options?: CallOptions | Cancellable): ReceivedFor<A>;

            /** Calls a function for each input; the inputs may be endless. */
            map(name: string, inputs: GLib.Variant, options?: MapOptions): Map<GLib.Variant>;
            map<A extends Sendable>(name: string, inputs: AsyncIterable<A>, options?: MapOptions):
                AsyncGenerator<ReceivedFor<A>, void, void>;
            map<A extends Sendable>(name: string, inputs: Iterable<A>, options?: MapOptions):
                Map<ReceivedFor<A>>;
            map_func<A extends Sendable>(name: string, func: InputFunc<A>): Map<ReceivedFor<A>>;

            shutdown(flags?: ShutdownFlags): void;
            shutdown_async(flags?: ShutdownFlags, cancellable?: Cancellable): Promise<boolean>;
            shutdown_async(flags: ShutdownFlags, cancellable: Cancellable,
                callback: AsyncReadyCallback<Executor>): void;
            shutdown_finish(result: Gio.AsyncResult): boolean;
            shutdown_sync(flags?: ShutdownFlags, cancellable?: Cancellable): boolean;
            terminate_workers(): void;
            kill_workers(): void;

            /** Emitted when a worker is ready for calls. */
            connect(signal: 'worker-started',
                callback: (executor: Executor, status: WorkerStatus) => void): number;
            /** Emitted when a worker has exited. The error is null if it was asked to. */
            connect(signal: 'worker-exited',
                callback: (executor: Executor, status: WorkerStatus,
                    error: GLib.Error | null) => void): number;
            connect(signal: string, callback: (...args: any[]) => any): number;
        }

        type AsyncReadyCallback<T> = (source: T, result: Gio.AsyncResult) => void;
        type FutureFunc<T = Received> = (future: Future<T>) => void;
        /** Returns the next input, or null at the end. */
        type InputFunc<A extends Sendable = Sendable> = () => A | null | undefined;

        /** The result of a call. It has no then(): await result_async(). Final. */
        class Future<T = Received> extends GObject.Object {
            private constructor();

            cancel(): boolean;
            /** Ends the call, even while it is running. */
            abort(): void;
            is_cancelled(): boolean;
            is_running(): boolean;
            is_done(): boolean;
            get_state(): FutureState;

            /** Waits without blocking, and returns a promise of the value. */
            result_async(cancellable?: Cancellable): Promise<T>;
            result_async(cancellable: Cancellable, callback: AsyncReadyCallback<Future<T>>): void;
            result_finish(result: Gio.AsyncResult): GLib.Variant;
            /** Blocks until the call has completed, or the time is up. */
            result(timeout_msec?: number): T;
            /** Returns the value of a completed call. */
            propagate(): T;
            /** The error of the call: a GLib.Error, or one thrown by a worker in JavaScript. */
            get_error(): GLib.Error | globalThis.Error | null;

            add_done_callback(func: FutureFunc<T>): number;
            remove_done_callback(id: number): void;

            get_function(): string;
            get_call(): Call<Sendable> | null;
            /** The death of the worker that ran the call. */
            get_death(): Death | null;
            get_n_attempts(): number;
            get_worker_pid(): number;
            get_queued_time(): number;
            get_started_time(): number;
            get_finished_time(): number;
        }

        interface CallProperties<A extends Sendable> {
            function: string;
            args: A;
            result_type: GLib.VariantType | null;
            resultType: GLib.VariantType | null;
            timeout_msec: number;
            timeoutMsec: number;
            queue_timeout_msec: number;
            queueTimeoutMsec: number;
            max_retries: number;
            maxRetries: number;
            label: string | null;
        }

        /** A function name with arguments and options. Final. */
        class Call<A extends Sendable = null> extends GObject.Object {
            constructor(properties: Partial<CallProperties<A>>);
            static new<A extends Sendable = null>(name: string, args?: A): Call<A>;

            readonly function: string;
            readonly args: GLib.Variant | null;
            result_type: GLib.VariantType | null;
            resultType: GLib.VariantType | null;
            timeout_msec: number;
            timeoutMsec: number;
            queue_timeout_msec: number;
            queueTimeoutMsec: number;
            max_retries: number;
            maxRetries: number;
            label: string | null;

            get_function(): string;
            get_args(): GLib.Variant | null;
            get_result_type(): GLib.VariantType | null;
            set_result_type(result_type: GLib.VariantType | null): void;
            get_timeout_msec(): number;
            set_timeout_msec(timeout_msec: number): void;
            get_queue_timeout_msec(): number;
            set_queue_timeout_msec(queue_timeout_msec: number): void;
            get_max_retries(): number;
            set_max_retries(max_retries: number): void;
            get_label(): string | null;
            set_label(label: string | null): void;
        }

        /** The death of a worker that ran a call. Final. */
        class Death extends GObject.Object {
            private constructor();

            readonly cause: DeathCause;
            readonly worker_pid: number;
            readonly workerPid: number;
            readonly signal_number: number;
            readonly signalNumber: number;
            readonly exit_status: number;
            readonly exitStatus: number;
            readonly function: string | null;
            readonly run_time: number;
            readonly runTime: number;
            readonly stderr_tail: string | null;
            readonly stderrTail: string | null;
            readonly message: string;

            get_cause(): DeathCause;
            get_worker_pid(): number;
            get_signal_number(): number;
            get_exit_status(): number;
            get_function(): string | null;
            get_run_time(): number;
            get_stderr_tail(): string | null;
            get_message(): string;
        }

        /** A worker of an executor. Final. */
        class WorkerStatus extends GObject.Object {
            private constructor();

            readonly slot: number;
            readonly pid: number;
            readonly exit_reason: WorkerExitReason;
            readonly exitReason: WorkerExitReason;
            readonly death: Death | null;

            get_slot(): number;
            get_pid(): number;
            get_exit_reason(): WorkerExitReason;
            /** The death of the worker if it has died, or was ended for its call. */
            get_death(): Death | null;
        }

        /** The results of one function for many inputs, in the order of the inputs. Final. */
        class Map<T = Received> extends GObject.Object implements Iterable<T>, AsyncIterable<T> {
            private constructor();

            chunk_size: number;
            chunkSize: number;
            buffer_size: number;
            bufferSize: number;
            timeout_msec: number;
            timeoutMsec: number;
            stop_on_error: boolean;
            stopOnError: boolean;

            get_chunk_size(): number;
            set_chunk_size(chunk_size: number): void;
            get_buffer_size(): number;
            set_buffer_size(buffer_size: number): void;
            get_timeout_msec(): number;
            set_timeout_msec(timeout_msec: number): void;
            get_stop_on_error(): boolean;
            set_stop_on_error(stop_on_error: boolean): void;
            /** Sets the options of the calls to those of another call. */
            set_call_options(call: Call<Sendable>): void;
            add_inputs(inputs: GLib.Variant): void;

            /** The end is undefined, or null for a map of one variant that is an array. */
            next_value_async(cancellable?: Cancellable): Promise<T | undefined | null>;
            next_value_async(cancellable: Cancellable, callback: AsyncReadyCallback<Map<T>>): void;
            next_value_finish(result: Gio.AsyncResult): GLib.Variant | null;
            next_value(timeout_msec?: number): T | undefined | null;
            /** The call whose error the last read has thrown, or null; and its index. */
            get_failed_future(): [Future<T> | null, number];
            cancel(): void;

            /** Blocks for each value. */
            [Symbol.iterator](): Generator<T, void, void>;
            /** Leaving the loop cancels the map. */
            [Symbol.asyncIterator](): AsyncGenerator<T, void, void>;
        }

        /** Many futures, in the order in which they complete. Final. */
        class AsCompleted<T = Received> extends GObject.Object
            implements Iterable<Future<T>>, AsyncIterable<Future<T>> {
            private constructor();
            static new<T>(futures: Iterable<Future<T>>, timeout_msec?: number): AsCompleted<T>;

            next_future_async(cancellable?: Cancellable): Promise<Future<T> | null>;
            next_future_async(cancellable: Cancellable,
                callback: AsyncReadyCallback<AsCompleted<T>>): void;
            next_future_finish(result: Gio.AsyncResult): Future<T> | null;
            next_future(timeout_msec?: number): Future<T> | null;

            /** Blocks for each future. */
            [Symbol.iterator](): Generator<Future<T>, void, void>;
            [Symbol.asyncIterator](): AsyncGenerator<Future<T>, void, void>;
        }

        /** The same as AsCompleted.new(). */
        function as_completed<T>(futures: Iterable<Future<T>>, timeout_msec?: number):
            AsCompleted<T>;

        /** Returns a promise of the completed futures. */
        function wait_futures<T>(futures: Iterable<Future<T>>, return_when?: ReturnWhen,
            timeout_msec?: number, cancellable?: Cancellable): Future<T>[];
        function wait_futures_async<T>(futures: Iterable<Future<T>>, return_when?: ReturnWhen,
            timeout_msec?: number, cancellable?: Cancellable): Promise<Future<T>[]>;
        function wait_futures_async<T>(futures: Iterable<Future<T>>, return_when: ReturnWhen,
            timeout_msec: number, cancellable: Cancellable,
            callback: AsyncReadyCallback<null>): void;
        function wait_futures_finish(result: Gio.AsyncResult): Future[];

        interface LauncherProperties {
            argv: string[];
            cwd: string | null;
            stderr_mode: StderrMode;
            stderrMode: StderrMode;
            handshake_timeout_msec: number;
            handshakeTimeoutMsec: number;
        }

        /** Describes how workers are started. Final. */
        class Launcher extends GObject.Object {
            constructor(properties?: Partial<LauncherProperties>);
            static new(argv: string[]): Launcher;
            /** Workers run this program again, which calls Worker.is_spawned(). */
            static new_self(): Launcher;
            static new_module(path: string): Launcher;

            readonly argv: string[] | null;
            cwd: string | null;
            stderr_mode: StderrMode;
            stderrMode: StderrMode;
            handshake_timeout_msec: number;
            handshakeTimeoutMsec: number;

            get_argv(): string[] | null;
            get_cwd(): string | null;
            set_cwd(cwd: string | null): void;
            inherit_fd(fd: number): number;
            get_stderr_mode(): StderrMode;
            set_stderr_mode(stderr_mode: StderrMode): void;
            get_handshake_timeout_msec(): number;
            set_handshake_timeout_msec(handshake_timeout_msec: number): void;
            getenv(variable: string): string | null;
            setenv(variable: string, value: string, overwrite?: boolean): void;
            unsetenv(variable: string): void;
            set_environ(env: string[] | null): void;
        }

        /** Memory that is filled in place and sent. Final. */
        class Buffer extends GObject.Object {
            private constructor();
            static new(size: number): Buffer;
            static new_from_bytes(bytes: Uint8Array | GLib.Bytes): Buffer;

            get_data(): Uint8Array;
            get_size(): number;
            to_variant(type: GLib.VariantType | null): GLib.Variant;
            write(offset: number, bytes: Uint8Array | GLib.Bytes): boolean;
        }

        // The worker's side

        /** Returns its value, or a promise of it, or throws. */
        type Function<A = Received> = (args: A, invocation: Invocation) =>
            Sendable | PromiseLike<Sendable> | void;
        type Handler = (invocation: Invocation) => void;

        /** The functions of a worker, and its main loop. Final. */
        class Worker extends GObject.Object {
            constructor();
            static new(): Worker;
            /** Whether a pool started this process. */
            static is_spawned(): boolean;

            add_function<A = Received>(name: string, func: Function<A>): void;
            add_handler(name: string, func: Handler): void;
            /** Serves calls until the pool ends the worker, and returns the exit status. */
            run(): number;

            connect(signal: 'handle-call',
                callback: (worker: this, invocation: Invocation) => boolean): number;
            connect(signal: string, callback: (...args: any[]) => any): number;
        }

        /** A call that is being served. Final. */
        class Invocation extends GObject.Object {
            private constructor();

            get_function(): string;
            get_args(): GLib.Variant;
            /** A cancellable that is cancelled when the call is ended. */
            get_cancellable(): Gio.Cancellable;
            /** The end of its time, in microseconds of GLib.get_monotonic_time(), or -1. */
            get_deadline(): number;
            /** The number of this attempt, from 1. */
            get_attempt(): number;
            return_value(value?: Sendable): void;
            /** Answers with anything that was thrown. */
            return_error(error: unknown): void;
            return_gerror(error: GLib.Error): void;
            return_error_literal(domain: number, code: number, message: string): void;
        }
    }

    export default PPool;
}

declare module 'gi://PPool' {
    import {PPool} from 'gi://PPool?version=1.0';
    export {PPool};
    export default PPool;
}
