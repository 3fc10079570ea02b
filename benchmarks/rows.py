# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: the rows, with their sizes, their peers and their goals."""

import dataclasses
import typing

MIB = 1 << 20


@dataclasses.dataclass
class Series:
    """One thing that is run once a round. The program is 'ppool', or a peer: 'c', 'fork',
    'spawn', 'loky' or 'workerpool'."""
    name: str
    program: str
    args: str
    # What a smoke run has instead; the same if it is empty.
    quick: str = ''
    pinned: bool = False


@dataclasses.dataclass
class Figure:
    """One number that is made of what a round measured. The goal is an operator and
    a number: None is a figure that is only told."""
    name: str
    value: typing.Callable
    unit: str = ''
    goal: tuple = None
    later: tuple = None


@dataclasses.dataclass
class Row:
    name: str
    title: str
    series: list
    figures: list


def ratio(key, one, other):
    return lambda found: found[one][key] / found[other][key]


def plain(key, series='ppool'):
    return lambda found: found[series][key]


def at_least(number):
    return ('≥', number)


def at_most(number):
    return ('≤', number)


def call_series(pinned):
    quick = 'calls=100'
    return [
        Series('ppool', 'ppool', 'call calls=3000', 'call ' + quick, pinned),
        Series('call_sync', 'c', 'gdbus-call calls=3000', 'gdbus-call ' + quick, pinned),
        Series('raw', 'c', 'raw-call calls=10000', 'raw-call ' + quick, pinned),
        Series('fork', 'fork', 'call calls=2000', 'call ' + quick, pinned),
        Series('loky', 'loky', 'call calls=2000', 'call ' + quick, pinned),
        Series('workerpool', 'workerpool', 'call calls=2000', 'call ' + quick, pinned),
    ]


def call_rows():
    for pinned in (False, True):
        where = ', pinned to one processor' if pinned else ''
        suffix = '-pinned' if pinned else ''
        yield Row('P3' + suffix, 'One call at a time, blocking' + where, call_series(pinned)[:3], [
            Figure('time × call_sync', ratio('usec', 'ppool', 'call_sync'), '×', at_most(0.9),
                   at_most(0.5)),
            Figure('time × raw', ratio('usec', 'ppool', 'raw'), '×'),
            Figure('time of a call', plain('usec'), 'µs'),
        ])
        yield Row('P4' + suffix, 'One call at a time, beside other pools' + where,
                  call_series(pinned)[:1] + call_series(pinned)[3:], [
            Figure('time × CPython', ratio('usec', 'ppool', 'fork'), '×', at_most(0.75),
                   at_most(0.2)),
            Figure('time × loky', ratio('usec', 'ppool', 'loky'), '×'),
            Figure('time × workerpool', ratio('usec', 'ppool', 'workerpool'), '×'),
        ])


def busy_row(name, title, usec, calls, goal):
    args = 'usec=%d calls=%d' % (usec, calls)
    quick = 'usec=%d calls=%d' % (usec, max(20, calls // 50))
    return Row(name, title, [
        Series('ppool', 'ppool', 'busy ' + args, 'busy ' + quick),
        Series('ppool map', 'ppool', 'map ' + args, 'map ' + quick),
        Series('ideal', 'c', 'busy ' + args, 'busy ' + quick),
        Series('fork', 'fork', 'busy ' + args, 'busy ' + quick),
    ], [
        Figure('share of the ideal', ratio('seconds', 'ideal', 'ppool'), '', at_least(goal)),
        Figure('share of the ideal, by a map', ratio('seconds', 'ideal', 'ppool map'), ''),
        Figure('share of the ideal, CPython', ratio('seconds', 'ideal', 'fork'), ''),
    ])


def echo_args(size, seconds):
    return 'echo size=%d seconds=%g' % (size, seconds)


def memcpy_args(size, seconds):
    return 'memcpy size=%d seconds=%g' % (size, seconds)


def size_name(size):
    return '%d MiB' % (size // MIB) if size >= MIB else '%d KiB' % (size // 1024)


def echo_row():
    """Each size has its own series; the goal is one of 16 MiB."""
    series, figures = [], []
    for size in (1024, 16 << 10, 256 << 10, 2 * MIB, 16 * MIB, 60 * MIB):
        name = size_name(size)
        small = min(size, 64 << 10)
        goal = size == 16 * MIB
        for peer, program, args in (('ppool', 'ppool', echo_args), ('memcpy', 'c', memcpy_args),
                                    ('fork', 'fork', echo_args)):
            series.append(Series('%s %s' % (peer, name), program, args(size, 0.4),
                                 args(small, 0.02)))
        figures += [
            Figure('%s: GB/s × memcpy' % name, ratio('gbytes', 'ppool ' + name, 'memcpy ' + name),
                   '×', at_least(0.5) if goal else None, at_least(0.8) if goal else None),
            Figure('%s: GB/s × CPython' % name, ratio('gbytes', 'ppool ' + name, 'fork ' + name),
                   '×', at_least(15) if goal else None),
            Figure('%s: GB/s' % name, plain('gbytes', 'ppool ' + name), 'GB/s'),
        ]
    for peer in ('loky', 'workerpool'):
        series.append(Series(peer, peer, echo_args(2 * MIB, 0.4), echo_args(64 << 10, 0.02)))
        figures.append(Figure('2 MiB: GB/s × ' + peer, ratio('gbytes', 'ppool 2 MiB', peer), '×'))
    return Row('P7', 'Bytes there and back', series, figures)


def shape_args(size, shape):
    return 'echo size=%d seconds=0.4 shape=%s' % (size, shape)


def nested_row():
    """The same bytes in a value of several parts, and by themselves; and as many of texts."""
    series, figures = [], []
    for size in (1024, 16 << 10, 256 << 10, 8 * MIB, 256 * MIB):
        name = size_name(size)
        small = 'echo size=%d seconds=0.02 shape=' % min(size, 64 << 10)
        for shape in ('ay', '(xay)', 'a{sv}', 'aay') if size < 256 * MIB else ('ay', '(xay)'):
            series.append(Series('%s %s' % (name, shape), 'ppool', shape_args(size, shape),
                                 small + shape))
            if shape != 'ay':
                figures.append(Figure('%s: %s × ay' % (name, shape),
                                      ratio('usec', '%s %s' % (name, shape), name + ' ay'), '×'))
        figures.append(Figure('%s: ay' % name, plain('usec', name + ' ay'), 'µs'))
    for shape in ('as', 'a{sv}-of-texts'):
        name = '1 MiB ' + shape
        series.append(Series(name, 'ppool', shape_args(MIB, shape),
                             'echo size=65536 seconds=0.02 shape=' + shape))
        figures.append(Figure('1 MiB of texts of 64 bytes, %s' % shape[:5], plain('usec', name),
                              'µs'))
    return Row('nested', 'Bytes in a value of several parts, there and back', series, figures)


def queue_row():
    return Row('P13', 'Processor time of a call while others wait', [
        Series('1k', 'ppool', 'queue calls=1000', 'queue calls=500 run=500'),
        Series('1M', 'ppool', 'queue calls=1000000', 'queue calls=5000 run=500'),
    ], [
        Figure('1M waiting × 1k waiting', ratio('usec', '1M', '1k'), '×', at_most(1.3)),
        Figure('submit alone, 1M × 1k', ratio('submit_usec', '1M', '1k'), '×'),
        Figure('submit, 1M waiting', plain('submit_usec', '1M'), 'µs'),
        Figure('run by the clock, 1M × 1k', ratio('clock_usec', '1M', '1k'), '×'),
        Figure('submit and run, 1M waiting', plain('usec', '1M'), 'µs'),
        Figure('cancel, 1M waiting', plain('cancel_usec', '1M'), 'µs'),
    ])


def limits_row():
    """What limits of time cost that are never reached."""
    limits = ' timeout=60000'
    series = []
    for name, args, quick in (('one', 'call calls=3000', 'call calls=100'),
                              ('50 µs', 'busy usec=50 calls=20000', 'busy usec=50 calls=200'),
                              ('many', 'submit args=si', 'submit args=si seconds=0.05'),
                              ('waiting', 'queue calls=100000', 'queue calls=500 run=500')):
        series += [Series(name, 'ppool', args, quick),
                   Series(name + ', limited', 'ppool', args + limits, quick + limits),
                   Series(name + ', both', 'ppool', args + limits + ' queue-timeout=60000',
                          quick + limits + ' queue-timeout=60000')]
    return Row('limits', 'Calls with limits of time, beside the same without', series, [
        Figure('one call at a time: time', ratio('usec', 'one, limited', 'one'), '×',
               at_most(1.05)),
        Figure('calls of 50 µs: time', ratio('seconds', '50 µs, limited', '50 µs'), '×',
               at_most(1.05)),
        Figure('many submits: time', ratio('rate', 'many', 'many, limited'), '×'),
        Figure('100k waiting: processor time', ratio('usec', 'waiting, limited', 'waiting'), '×'),
        Figure('one call at a time, also of the wait', ratio('usec', 'one, both', 'one'), '×'),
        Figure('calls of 50 µs, also of the wait', ratio('seconds', '50 µs, both', '50 µs'), '×'),
        Figure('many submits, also of the wait', ratio('rate', 'many', 'many, both'), '×'),
        Figure('100k waiting, also of the wait', ratio('usec', 'waiting, both', 'waiting'), '×'),
    ])


def faults_row():
    """Two of a hundred calls are bad."""
    series, figures = [], []
    for usec in 1000, 100:
        name = '1 ms' if usec == 1000 else '%d µs' % usec
        args = 'faults usec=%d calls=' % usec
        series += [Series(name, 'ppool', args + '10000 faults=0', args + '200 faults=0'),
                   Series(name + ', faults', 'ppool', args + '10000', args + '200')]
        figures += [
            Figure('good calls of %s a second of a worker' % name,
                   ratio('rate', name + ', faults', name), '×', at_least(0.9)),
            Figure('the same by the clock, with starts and bad calls',
                   ratio('clock_rate', name + ', faults', name), '×'),
            Figure('workers', plain('workers', name + ', faults')),
        ]
    return Row('faults', 'Good calls beside bad ones, beside the same alone', series, figures)


def workers_row():
    counts = (1, 2, 4, 16, 64)
    name = '{} workers'.format
    series = [Series(name(n), 'ppool', 'submit workers=%d' % n,
                     'submit seconds=0.02 workers=%d' % n)
              for n in counts]
    figures = [Figure('64 workers × 2 workers', ratio('usec', name(64), name(2)), '×',
                      at_most(1.5))]
    figures += [Figure('%d × 2 workers' % n, ratio('usec', name(n), name(2)), '×')
                for n in (1, 4, 16)]
    figures.append(Figure('a call, 2 workers', plain('usec', name(2)), 'µs'))
    return Row('P15', 'Cost of a trivial call by the number of workers', series, figures)


WAITS = ('cancel them, nobody waits', 'wait for all, cancelled meanwhile',
         'as completed, cancelled meanwhile', 'as completed, all done before',
         'wait, all done before', 'wait, 0 ms, none done', 'wait, 1 ms, none done',
         'as completed, dropped at once')


def wait_row():
    return Row('wait', 'Cost of a future while many are waited for', [
        Series('1k', 'ppool', 'wait futures=1000', 'wait futures=20 rounds=1'),
        Series('50k', 'ppool', 'wait futures=50000', 'wait futures=100 rounds=1'),
    ], [Figure('%s: 50k × 1k' % case, ratio(case, '50k', '1k'), '×') for case in WAITS])


ROWS = [
    Row('P1', 'Many submits, then all results', [
        Series('ppool', 'ppool', 'submit args=si', 'submit args=si seconds=0.05'),
        Series('ppool x', 'ppool', 'submit args=x', 'submit args=x seconds=0.05'),
        Series('ppool none', 'ppool', 'submit args=none', 'submit args=none seconds=0.05'),
        Series('fork', 'fork', 'submit', 'submit seconds=0.05'),
        Series('spawn', 'spawn', 'submit', 'submit seconds=0.05'),
        Series('loky', 'loky', 'submit', 'submit seconds=0.05'),
        Series('workerpool', 'workerpool', 'submit', 'submit seconds=0.05'),
    ], [
        Figure('calls/s × CPython', ratio('rate', 'ppool', 'fork'), '×', at_least(60),
               at_least(100)),
        Figure('calls/s × CPython, an integer', ratio('rate', 'ppool x', 'fork'), '×'),
        Figure('calls/s × CPython, no arguments', ratio('rate', 'ppool none', 'fork'), '×'),
        Figure('calls/s × loky', ratio('rate', 'ppool', 'loky'), '×'),
        Figure('calls/s × workerpool', ratio('rate', 'ppool', 'workerpool'), '×'),
        Figure('calls/s', plain('rate'), '/s'),
        Figure('a submit', plain('submit_usec'), 'µs'),
    ]),
    Row('P2', 'The same with a callback each in a main context', [
        Series('ppool', 'ppool', 'callbacks', 'callbacks seconds=0.05'),
        Series('fork', 'fork', 'callbacks', 'callbacks seconds=0.05'),
    ], [
        Figure('calls/s × CPython', ratio('rate', 'ppool', 'fork'), '×', at_least(50),
               at_least(80)),
        Figure('calls/s', plain('rate'), '/s'),
    ]),
    *call_rows(),
    busy_row('P5', 'Calls of 1 ms on two workers', 1000, 2000, 0.93),
    busy_row('P6', 'Calls of 50 µs on two workers', 50, 20000, 0.80),
    echo_row(),
    nested_row(),
    Row('P8', '16 MiB made and read in place, both ways', [
        Series('ppool', 'ppool', 'in-place', 'in-place size=65536 seconds=0.02'),
        Series('one process', 'c', 'in-place', 'in-place size=65536 seconds=0.02'),
    ], [
        Figure('GB/s × one process', ratio('gbytes', 'ppool', 'one process'), '×', at_least(0.8)),
        Figure('GB/s', plain('gbytes'), 'GB/s'),
    ]),
    Row('P9', '256 MiB there and back', [
        Series('ppool', 'ppool', echo_args(256 * MIB, 0.4), echo_args(MIB, 0.02)),
        Series('memcpy', 'c', memcpy_args(256 * MIB, 0.4), memcpy_args(MIB, 0.02)),
    ], [
        Figure('GB/s × memcpy', ratio('gbytes', 'ppool', 'memcpy'), '×', at_least(0.5)),
        Figure('GB/s', plain('gbytes'), 'GB/s'),
    ]),
    Row('P10', 'From nothing to the first result', [
        Series('ppool', 'ppool', 'start', 'start starts=3'),
        Series('bare', 'c', 'gdbus-start', 'gdbus-start starts=3'),
        Series('spawn', 'spawn', 'start', 'start starts=1'),
        Series('fork', 'fork', 'start', 'start starts=1'),
        Series('loky', 'loky', 'start starts=2', 'start starts=1'),
        Series('workerpool', 'workerpool', 'start', 'start starts=1'),
    ], [
        Figure('time × bare GSubprocess and GDBusConnection', ratio('ms', 'ppool', 'bare'), '×',
               at_most(1.1)),
        Figure('time × CPython, spawn', ratio('ms', 'ppool', 'spawn'), '×', at_most(0.06)),
        Figure('time × CPython, fork', ratio('ms', 'ppool', 'fork'), '×'),
        Figure('time × loky', ratio('ms', 'ppool', 'loky'), '×'),
        Figure('time × workerpool', ratio('ms', 'ppool', 'workerpool'), '×'),
        Figure('time', plain('ms'), 'ms'),
    ]),
    Row('P11', 'What a start costs the caller, with 1 GiB touched', [
        Series('ppool', 'ppool', 'blocked', 'blocked mib=16 starts=3'),
        Series('spawn', 'c', 'spawn starts=5', 'spawn mib=16 starts=3'),
    ], [
        Figure('blocked', plain('ms'), 'ms', at_most(1)),
        Figure('blocked, the longest of 20', plain('longest_ms'), 'ms'),
        Figure('blocked by GSubprocess', plain('ms', 'spawn'), 'ms'),
    ]),
    Row('P12', '100k callbacks of 5 µs in a main loop', [
        Series('ppool', 'ppool', 'callbacks calls=100000 usec=5', 'callbacks calls=1000 usec=5'),
        Series('ppool backlog', 'ppool', 'backlog calls=100000 usec=5',
               'backlog calls=1000 usec=5'),
        Series('gtask', 'c', 'gtask calls=100000 usec=5', 'gtask calls=1000 usec=5'),
    ], [
        Figure('longest iteration', plain('longest_ms'), 'ms', at_most(5)),
        Figure('99th percentile', plain('p99_ms'), 'ms', at_most(2.5)),
        Figure('longest iteration, processor time', plain('longest_cpu_ms'), 'ms'),
        Figure('all due at once: longest iteration', plain('longest_ms', 'ppool backlog'), 'ms'),
        Figure('all due at once: 99th percentile', plain('p99_ms', 'ppool backlog'), 'ms'),
        Figure('all due at once: longest, processor time', plain('longest_cpu_ms', 'ppool backlog'),
               'ms'),
        Figure('longest iteration, a GTask each', plain('longest_ms', 'gtask'), 'ms'),
        Figure('calls/s', plain('rate'), '/s'),
    ]),
    queue_row(),
    limits_row(),
    faults_row(),
    Row('P14', 'Memory of a call that waits, with its future', [
        Series('ppool', 'ppool', 'memory args=si', 'memory args=si calls=1000'),
        Series('ppool x', 'ppool', 'memory args=x', 'memory args=x calls=1000'),
        Series('ppool none', 'ppool', 'memory args=none', 'memory args=none calls=1000'),
    ], [
        Figure('allocated', plain('bytes'), 'bytes', at_most(600), at_most(400)),
        Figure('resident', plain('resident'), 'bytes'),
        Figure('the arguments by themselves', plain('arguments'), 'bytes'),
        Figure('allocated, an integer', plain('bytes', 'ppool x'), 'bytes'),
        Figure('allocated, no arguments', plain('bytes', 'ppool none'), 'bytes'),
    ]),
    workers_row(),
    Row('map', 'Memory of a map, of 1k and of 50k inputs', [
        Series('1k', 'ppool', 'map-memory calls=1000', 'map-memory calls=100'),
        Series('50k', 'ppool', 'map-memory calls=50000', 'map-memory calls=500'),
    ], [
        Figure('peak above the start, 1k', plain('mib', '1k'), 'MiB'),
        Figure('peak above the start, 50k', plain('mib', '50k'), 'MiB'),
        Figure('calls/s, 50k', plain('rate', '50k'), '/s'),
    ]),
    wait_row(),
]
