# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A compiler, as programs that use the library call it."""

import subprocess


class Compiler:
    """Compiles a few lines against the headers of the source and build trees."""

    def __init__(self, command, language, srcdir, builddir, *args):
        cflags = subprocess.run(['pkg-config', '--cflags', 'gio-unix-2.0'],
                                stdout=subprocess.PIPE, check=True).stdout.decode().split()
        self.command = command.split() + ['-x', language, '-fsyntax-only', '-Wall', '-Wextra',
                                          '-Wno-unused-parameter', '-Werror', *args]
        headers = srcdir / 'ppool-glib'
        self.command += ['-I%s' % directory for directory in
                         (srcdir, builddir, headers, builddir / 'ppool-glib',
                          *(path for path in sorted(headers.iterdir()) if path.is_dir()))]
        self.command += cflags

    def compile(self, text, *args):
        """Returns what the compiler complains about, or nothing."""
        run = subprocess.run([*self.command, *args, '-'], input=text.encode(),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return run.stdout.decode() or 'no message' if run.returncode else ''
