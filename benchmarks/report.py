# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells what was measured, for people."""

BEGIN = '<!-- figures -->\n'
END = '<!-- end of figures -->\n'

REACHED = {True: 'yes', False: '**no**', None: 'not judged'}


def number(value):
    """Three digits that count."""
    if abs(value) >= 100:
        return '%.0f' % value
    return '%.3g' % value


def range_of(figure):
    if 'median' not in figure:
        return '–'
    return '%s … %s' % (number(figure['least']), number(figure['most']))


def median_of(figure):
    if 'median' not in figure:
        return '–'
    unit = figure['unit']
    return number(figure['median']) + ('' if unit in ('', '×', '/s') else ' ' + unit)


def as_text(row):
    lines = ['%s: %s' % (row['name'], row['title'])]
    for figure in row['figures']:
        goal = figure.get('goal', '')
        verdict = {True: 'reached', False: 'NOT REACHED', None: 'not judged'}
        lines.append('  %-46s %12s  %-18s %s' % (
            figure['name'], median_of(figure), '(%s)' % range_of(figure),
            '%s %s' % (goal, verdict[figure['reached']]) if goal else ''))
    lines += ['  %s failed: %s' % item for item in row['failed'].items()]
    return '\n'.join(line.rstrip() for line in lines)


def table(result):
    yield '| row | figure | median | range | goal | reached |'
    yield '|-----|--------|--------|-------|------|---------|'
    for row in result['rows']:
        load = 'load %.1f' % row['load'] if 'load' in row else 'load not noted'
        yield '| **%s** | **%s** | | %s | | |' % (row['name'], row['title'], load)
        for figure in row['figures']:
            goal = figure.get('goal')
            yield '| | %s | %s | %s | %s | %s |' % (
                figure['name'], median_of(figure), range_of(figure), goal or '',
                REACHED[figure['reached']] if goal else '')


def failed(result):
    for row in result['rows']:
        for series, why in row['failed'].items():
            yield '- %s, %s: failed: %s' % (row['name'], series, why)
    for peer, why in result['missing'].items():
        yield '- %s was left out: %s' % (peer, why)


def as_markdown(result):
    """The machine, the table, and what is not in it."""
    size = ', small sizes that only show that all works' if result['quick'] else ''
    head = 'Measured on: %s; median of %d rounds%s.' % (result['machine'],
                                                       len(result['rows'][0]['rounds']), size)
    rest = list(failed(result))
    return '\n'.join([head, '', *table(result), '', *rest, *([''] if rest else [])])


def write_docs(path, result):
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit('%s has no place for the figures' % path)
    path.write_text(before + BEGIN + '\n' + as_markdown(result) + '\n' + END + after)
