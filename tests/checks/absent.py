# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the typelib, which other languages see, has nothing private."""

import re

import gi
import gi.module

from tap import Tap

# The rooms that no program knows, as types and as parts of functions' names.
PRIVATE = ('Arrival', 'Board', 'Channel', 'Completion', 'Dbus', 'DBus', 'Frame', 'Group',
           'Handshake', 'Limits', 'Manager', 'Pool', 'Private', 'Process', 'Record', 'Scheduler',
           'Segment', 'Spawned', 'Stderr(?!Mode)', 'Value', 'Watch')
WORDS = re.compile('|'.join(PRIVATE))
FUNCTIONS = re.compile('|'.join('^%s_' % word.lower() for word in PRIVATE))

# What a type must have to be in the namespace at all.
PRESENT = {'AsCompleted', 'Call', 'Error', 'Executor', 'Future', 'Invocation', 'Launcher',
           'Map', 'Worker'}


def main():
    gi.require_version('PPool', '1.0')
    names = dir(gi.module.get_introspection_module('PPool'))
    tap = Tap()
    tap.report('absent/types', ['%s is in the typelib' % name for name in names
                                if WORDS.search(name) or FUNCTIONS.search(name)])
    tap.report('absent/none-missing', ['%s is not in the typelib' % name
                                       for name in sorted(PRESENT - set(names))])
    tap.end()


main()
