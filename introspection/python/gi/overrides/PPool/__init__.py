# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PPool-GLib for Python: what ``from gi.repository import PPool`` gives on top of
the library's own names. Each name is made in the module of its room; this one
only collects them."""

__all__ = []
