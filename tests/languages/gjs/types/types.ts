// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a program in TypeScript may write, and what it may not. It is compiled and never run.

import GLib from 'gi://GLib?version=2.0';
import Gio from 'gi://Gio?version=2.0';
import PPool, {PPool as Named} from 'gi://PPool?version=1.0';
import Unversioned from 'gi://PPool';

class Point {
    constructor(public x: number, private y: Date) {}
}

// Fails to compile unless both types are the same.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
    ? true : false;

function expect<A, B>(_same: Same<A, B>): void {}

async function parent(): Promise<void> {
    const executor: Unversioned.Executor = new PPool.Executor({maxWorkers: 2, initializer_args: {a: [1]}});
    const named: Named.Executor = executor;
    const variant = new GLib.Variant('i', 1);
    const plain = await executor.call('name', {list: [1, 2n, 'a', null, new Uint8Array(1)]});
    const signal = {aborted: false, addEventListener() {}, removeEventListener() {}};

    new PPool.Executor(PPool.Launcher.new_self(), {maxWorkers: 2});
    plain.whatever();
    await executor.call('name', 1, {timeout: 5, retries: 1, label: 'one', cancellable: signal});
    const lost: PPool.Death | null = executor.submit('name', 1, {queueTimeout: 5}).get_death();
    if (lost?.cause === PPool.DeathCause.ENDED)
        executor.crashPolicy = PPool.CrashPolicy.REPLACE;
    // @ts-expect-error There is no such option.
    await executor.call('name', 1, {timeuot: 5});
    await named.call('name');
    await executor.call('name', undefined, new Gio.Cancellable());
    await executor.call('name', null, signal);

    const fromVariant = await executor.call('name', variant);
    expect<typeof fromVariant, GLib.Variant>(true);
    const future = executor.submit('name', variant);
    expect<typeof future, PPool.Future<GLib.Variant>>(true);
    const propagated = future.propagate();
    expect<typeof propagated, GLib.Variant>(true);
    const awaited = await future;
    expect<typeof awaited, PPool.Future<GLib.Variant>>(true);

    for await (const value of executor.map('name', [variant]))
        expect<typeof value, GLib.Variant>(true);
    for await (const value of executor.map('name', new GLib.Variant('ai', [1])))
        expect<typeof value, GLib.Variant>(true);
    for await (const value of executor.map('name', (async function* () {
        yield 1;
    })(), {bufferSize: 5, cancellable: signal}))
        value.whatever();
    for (const value of executor.map('name', new Set(['a'])))
        value.whatever();
    for await (const done of PPool.as_completed([future]))
        expect<typeof done, PPool.Future<GLib.Variant>>(true);

    const done: PPool.Future[] = await PPool.wait_futures_async([future], PPool.ReturnWhen.FIRST_ERROR, 5);
    PPool.wait_futures(new Set(done));
    executor.call_async('name', 1, null, (source, result) => source.call_finish(result).print(true));

    try {
        await executor.shutdown_async();
    } catch (error) {
        if (error instanceof PPool.Error && error.matches(PPool.Error, PPool.Error.WORKER_DIED))
            error.message.trim();
    }

    executor.connect('worker-started', (_executor, status) => {
        const reason: PPool.WorkerExitReason = status.exitReason;

        return reason === PPool.WorkerExitReason.NONE && status.slot < 2;
    });
    executor.connect('worker-exited', (source, status, reason) => {
        if (reason?.matches(PPool.Error, PPool.Error.WORKER_DIED))
            source.submit('name', status.pid);
        // @ts-expect-error: there may be no error
        reason.message.trim();
    });
    executor.connect('notify::state', () => {});

    // @ts-expect-error: a function can't be sent
    await executor.call('name', () => 1);
    // @ts-expect-error: nor an object of a class
    await executor.call('name', new Point(1, new Date()));
    // @ts-expect-error: nor what has no plain form
    await executor.call('name', [/pattern/]);
    // @ts-expect-error: a name is a string
    await executor.call(5);
    // @ts-expect-error: no cancellable
    await executor.call('name', null, 'now');
    // @ts-expect-error: no such option
    executor.map('name', [], {size: 5});
    // @ts-expect-error: a future has no then()
    future.then(() => {});
    // @ts-expect-error: futures come from executors
    new PPool.Future();
    // @ts-expect-error: no such property
    new PPool.Executor({workers: 5});
    // @ts-expect-error: neither a launcher nor properties
    new PPool.Executor(5);
    // @ts-expect-error: a variant is no string
    fromVariant.trim();
    // @ts-expect-error: can't be set
    executor.nWorkers = 5;
}

function work(): number {
    const worker = new PPool.Worker();

    worker.add_function('add', ([a, b]: [number, number]) => a + b);
    worker.add_function('later', async (value: string, invocation) => value + invocation.get_function());
    worker.add_function('nothing', () => {});
    worker.add_handler('handler', invocation => invocation.return_error(new TypeError('no')));
    worker.connect('handle-call', (_worker, invocation) => {
        invocation.return_value({a: 1});
        return true;
    });
    // @ts-expect-error: a date can't be sent
    worker.add_function('date', () => new Date());
    // @ts-expect-error: nor later
    worker.add_function('date', async () => new Date());
    return PPool.Worker.is_spawned() ? worker.run() : 0;
}

export {parent, work};
