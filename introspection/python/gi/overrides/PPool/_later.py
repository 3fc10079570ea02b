# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of the namespace whose modules are imported when they are first used."""

import importlib
import sys


class _Later:
    """An attribute of the module gi.repository.PPool, in the place of what it is going to be."""

    def __init__(self, name, module):
        self._name = name
        self._module = module

    def __get__(self, namespace, owner):
        value = getattr(importlib.import_module(self._module), self._name)
        if namespace is not None:
            setattr(namespace, self._name, value)
        return value


def add(name, module):
    """Adds a name that is in a module of this package."""
    namespace = sys.modules['gi.repository.PPool']
    setattr(type(namespace), name, _Later(name, '%s.%s' % (__package__, module)))
