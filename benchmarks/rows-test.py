# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures every row once, with small sizes and without peers: not how fast anything is,
but that there is a result.

rows-test.py BUILDDIR CHECKSDIR
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.append(sys.argv[2])
from tap import Tap  # noqa: E402

RUN = pathlib.Path(__file__).resolve().parent / 'run.py'


def run(*args):
    return subprocess.run([sys.executable, RUN, '--builddir', sys.argv[1], *args], check=True,
                          stdout=subprocess.PIPE).stdout.decode()


def row_problems(row):
    for series, why in row['failed'].items():
        yield '%s failed: %s' % (series, why)
    for found in row['rounds']:
        for series, result in found.items():
            if not result:
                yield '%s measured nothing' % series
            if 'left_behind' in result:
                yield '%s left %d processes behind' % (series, result['left_behind'])
    if not any(series.startswith('ppool') or series[0].isdigit() for series in row['rounds'][0]):
        yield 'nothing of this library was measured'


def main():
    tap = Tap()
    names = [line.split()[0] for line in run('--list').splitlines()]
    with tempfile.TemporaryDirectory(prefix='ppool-bench-') as directory:
        output = pathlib.Path(directory) / 'figures.json'
        table = pathlib.Path(directory) / 'table.md'
        run('--quick', '--own', '--json', str(output), '--markdown', str(table))
        rows = {row['name']: row for row in json.loads(output.read_text())['rows']}
        tap.report('rows/all', ['%s is missing' % name for name in names if name not in rows])
        tap.report('rows/table', ['%s is not in the table' % name for name in names
                                  if '| **%s** |' % name not in table.read_text()])
    for name, row in rows.items():
        tap.report('rows/' + name, row_problems(row))
    tap.end()


main()
