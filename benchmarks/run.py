# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the benchmarks: this library and its peers in turns, several rounds.

Each series of a row runs once a round, in a process of its own that prints one JSON
object. A figure is computed within a round, where the machine was the same, and what is
told is the median of the rounds. A peer that is not there or fails is left out.
"""

import argparse
import json
import math
import os
import pathlib
import signal
import statistics
import sys

import machine
import report
from processes import Runner
from rows import ROWS


class Programs:
    """How each program is run, or why it can't be."""

    def __init__(self, builddir, node_path):
        peers = pathlib.Path(__file__).resolve().parent / 'peers'
        benchmarks = builddir / 'benchmarks'
        self.environ = {
            **os.environ,
            'LC_ALL': 'C.UTF-8',
            'PYTHONDONTWRITEBYTECODE': '1',
            'PPOOL_LAUNCH_PROGRAM': str(builddir / 'ppool-glib/ppool-launch'),
            'PPOOL_WORKER_PROGRAM': str(builddir / 'ppool-glib/ppool-worker'),
        }
        if node_path:
            self.environ['NODE_PATH'] = str(node_path)
        cpython = [sys.executable, str(peers / 'cpython.py')]
        self.commands = {
            'ppool': [str(benchmarks / 'ppool-benchmark')],
            'c': [str(benchmarks / 'ppool-benchmark-peer')],
            'fork': [*cpython, 'fork'],
            'spawn': [*cpython, 'spawn'],
            'loky': [*cpython, 'loky'],
            'workerpool': ['node', str(peers / 'workerpool.js')],
        }
        self.missing = machine.missing_peers(self.environ)

    def command(self, series, quick):
        pinned = ['taskset', '-c', str(min(os.sched_getaffinity(0)))] if series.pinned else []
        args = ((quick and series.quick) or series.args).split()
        if quick and series.program == 'ppool':
            args.append('warm-up=50')
        return pinned + self.commands[series.program] + args


def figure_of(figure, found):
    """None if something that it is made of was not measured."""
    try:
        value = figure.value(found)
    except (KeyError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def reached(goal, value):
    operator, number = goal
    return value >= number if operator == '≥' else value <= number


def failures(row, rounds):
    """What each series failed with at first, and how often it failed."""
    for series in row.series:
        failed = [found[series.name]['failed'] for found in rounds
                  if 'failed' in found.get(series.name, {})]
        if failed:
            yield series.name, '%s (in %d of %d rounds)' % (failed[0], len(failed), len(rounds))


def verdict(figure, row, summary, failed, quick):
    """Small sizes say nothing about a goal, and neither does a peer that is not there."""
    if quick:
        return None
    if 'median' in summary:
        return reached(figure.goal, summary['median'])
    own = {series.name for series in row.series if series.program == 'ppool'}
    return False if own & set(failed) else None


def summarize(row, rounds, quick):
    failed = dict(failures(row, rounds))
    figures = []
    for figure in row.figures:
        values = [value for value in (figure_of(figure, found) for found in rounds)
                  if value is not None]
        summary = {'name': figure.name, 'unit': figure.unit}
        if values:
            summary.update(median=statistics.median(values), least=min(values), most=max(values))
        if figure.goal:
            summary['goal'] = '%s %g' % figure.goal
            summary['reached'] = verdict(figure, row, summary, failed, quick)
        if figure.later:
            summary['later'] = '%s %g' % figure.later
        figures.append(summary)
    return {'name': row.name, 'title': row.title, 'figures': figures,
            'failed': failed, 'rounds': rounds}


def run_row(row, programs, runner, options):
    """All rounds of one row. Who begins changes from round to round."""
    series = [one for one in row.series
              if one.program not in programs.missing and
              (one.program == 'ppool' or not options.own)]
    load = os.getloadavg()[0]
    rounds = []
    for number in range(options.rounds):
        found = {}
        for i in range(len(series)):
            one = series[(number + i) % len(series)]
            found[one.name] = runner.run(programs.command(one, options.quick), programs.environ)
        rounds.append(found)
    return {**summarize(row, rounds, options.quick), 'load': load}


def chosen_rows(only):
    rows = [row for row in ROWS if not only or row.name in only or row.name.split('-')[0] in only]
    unknown = set(only) - {name for row in ROWS for name in (row.name, row.name.split('-')[0])}
    if unknown:
        sys.exit('There is no row %s; --list tells which there are' % ', '.join(sorted(unknown)))
    return rows


def earlier_rows(options):
    """What was measured before, where only some rows are measured again."""
    if not options.only or options.quick or not options.json or not options.json.exists():
        return {}
    earlier = json.loads(options.json.read_text())
    return {} if earlier['quick'] else {row['name']: row for row in earlier['rows']}


def write(result, measured, options):
    """After each row, so that it isn't lost with a later one."""
    result['rows'] = [measured[row.name] for row in ROWS if row.name in measured]
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + '\n')
    if options.markdown:
        options.markdown.write_text(report.as_markdown(result))
    if options.write_docs:
        report.write_docs(options.write_docs, result)


def parse_options():
    parser = argparse.ArgumentParser(description='Runs the benchmarks and their peers in turns.')
    parser.add_argument('--builddir', type=pathlib.Path, default=pathlib.Path('_build/bench/build'),
                        help='where the benchmarks were built')
    parser.add_argument('--node-path', type=pathlib.Path, help='folder that has workerpool')
    parser.add_argument('--rounds', type=int, help='how often each row is measured (5)')
    parser.add_argument('--quick', action='store_true',
                        help='one round of small sizes, to see that all works')
    parser.add_argument('--own', action='store_true', help='leave the peers out')
    parser.add_argument('--only', action='append', default=[], metavar='ROW',
                        help='measure this row; may be given again')
    parser.add_argument('--list', action='store_true', help='list the rows and end')
    parser.add_argument('--json', type=pathlib.Path, help='write all that was measured')
    parser.add_argument('--markdown', type=pathlib.Path, help='write the table')
    parser.add_argument('--write-docs', type=pathlib.Path, metavar='PAGE',
                        help='put the table into a page of the guide')
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 5
    if options.rounds < 1:
        parser.error('there must be one round at least')
    return options


def main():
    options = parse_options()
    if options.list:
        for row in ROWS:
            print('%-10s  %s' % (row.name, row.title))
        return

    # What runs is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('Stopped'))
    rows = chosen_rows(options.only)
    programs = Programs(options.builddir.resolve(), options.node_path)
    runner = Runner()
    result = {'machine': machine.describe(programs, runner), 'rounds': options.rounds,
              'quick': options.quick, 'missing': programs.missing}
    print('%s\n' % result['machine'])
    if options.quick:
        print('Small sizes, whatever the titles say: no figure here is one to compare.\n')
    if not options.own:
        for peer, why in programs.missing.items():
            print('%s is left out: %s' % (peer, why))

    measured = earlier_rows(options)
    for row in rows:
        measured[row.name] = run_row(row, programs, runner, options)
        print(report.as_text(measured[row.name]), flush=True)
        write(result, measured, options)


main()
