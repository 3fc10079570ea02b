# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs the library from a tarball into a prefix of its own and does there what the README
says.

readme.py SRCDIR BUILDDIR MESON C-COMPILER enabled|disabled

The tarball is the one that "meson dist" makes in BUILDDIR, if that has what is in SRCDIR. If not,
because something isn't committed, it is made of the files that git knows. It is unpacked in a
directory with a space in its name. The last word says whether there is introspection.
"""

import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile

from source import source_files
from tap import Tap

MAX_LINES = 25
RELEASE = 'ppool-glib release'
WORDS = ['one', 'two', 'three', 'größer']


def run(*command, **kwargs):
    """Runs a command; what it printed is part of the error if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=200, check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError('%s: status %d\n%s' % (' '.join(map(str, command)), done.returncode,
                                                  done.stdout.decode(errors='replace')))
    return done.stdout.decode()


def builder_environment():
    """What who builds a release has: nothing of the build that this test belongs to."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(('PPOOL_', 'MESON_', 'LD_', 'GI_', 'G_TEST_'))}


def user_environment(prefix):
    """What a user has who installed the library: nothing that points into a build."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(('PPOOL_', 'MESON_', 'LD_'))}
    libdirs = [path.parent for path in prefix.rglob('libppool-glib-1.0.so')]
    pkgdirs = list(prefix.rglob('pkgconfig'))
    environ['LD_LIBRARY_PATH'] = ':'.join(map(str, libdirs))
    environ['PKG_CONFIG_PATH'] = ':'.join(map(str, pkgdirs))
    return environ


def is_committed(srcdir):
    """Whether the tree is a git clone's, and its last commit has all of it."""
    try:
        return subprocess.run(['git', '-C', srcdir, 'diff-index', '--quiet', 'HEAD'],
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False


def pack(srcdir, tarball):
    """Makes a tarball of the tree as it is."""
    with tarfile.open(tarball, 'w') as archive:
        for name in source_files(srcdir, others=False):
            archive.add(srcdir / name, pathlib.Path(RELEASE, name), recursive=False)


def dist(builddir, meson):
    """Makes the tarball of a release, and returns its path."""
    run(*meson, 'dist', '-C', builddir, '--no-tests', '--formats', 'gztar')
    return max((builddir / 'meson-dist').glob('*.tar.gz'), key=lambda path: path.stat().st_mtime)


def unpack(tarball, directory):
    """Returns the directory in which the one of the tarball now is."""
    with tarfile.open(tarball) as archive:
        top = archive.getnames()[0].split('/')[0]
        archive.extractall(directory)
    return (directory / top).rename(directory / RELEASE)


def make_release(srcdir, builddir, meson, directory, tap):
    """Makes the tarball, and returns the directory of what was unpacked from it."""
    if is_committed(srcdir):
        release = unpack(dist(builddir, meson), directory)
        tap.report('readme/dist', ['%s is missing' % name
                                   for name in source_files(srcdir, others=False)
                                   if not (release / name).is_file()])
        return release
    tap.skip('readme/dist', 'the last commit is not what is here')
    pack(srcdir, directory / 'release.tar')
    return unpack(directory / 'release.tar', directory)


def install(srcdir, meson, directory, introspection):
    prefix = directory / 'prefix'
    run(*meson, 'setup', directory / 'build', srcdir, '--prefix', prefix, '-Dtests=false',
        '-Dexamples=false', '-Dvapi=disabled', '-Dintrospection=' + introspection,
        '-Ddocs=disabled', '--buildtype=plain', env=builder_environment())
    run(*meson, 'install', '-C', directory / 'build', env=builder_environment())
    return user_environment(prefix)


def compile_program(compiler, directory, text, environ):
    (directory / 'smallest.c').write_text(text)
    flags = shlex.split(run('pkg-config', '--cflags', '--libs', 'ppool-glib-1.0', env=environ))
    run(*compiler, '-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror',
        '-o', 'smallest', 'smallest.c', *flags, cwd=directory, env=environ)


def installed_files(environ):
    """The paths that the pkg-config file names."""
    for variable in ('worker', 'launch', 'interface'):
        path = run('pkg-config', '--variable=' + variable, 'ppool-glib-1.0', env=environ).strip()
        if not pathlib.Path(path).is_file():
            yield '%s: there is no %s' % (variable, path)


def missing_files(prefix, introspection):
    """What bindings need, and is not installed."""
    if introspection == 'enabled':
        for name in ('PPool-1.0.gir', 'PPool-1.0.typelib'):
            if not list(prefix.rglob(name)):
                yield 'there is no ' + name


def main():
    srcdir, builddir = map(pathlib.Path, sys.argv[1:3])
    meson, compiler, introspection = sys.argv[3].split(), sys.argv[4].split(), sys.argv[5]
    text = re.search(r'^```c\n(.*?)^```', (srcdir / 'README.md').read_text(), re.M | re.S).group(1)
    n_lines = len(text.splitlines())
    tap = Tap()
    tap.report('readme/length', ['%d lines, over %d' % (n_lines, MAX_LINES)]
               if n_lines > MAX_LINES else [])

    with tempfile.TemporaryDirectory(prefix='ppool-readme-') as name:
        directory = pathlib.Path(name)
        try:
            release = make_release(srcdir, builddir, meson, directory, tap)
            environ = install(release, meson, directory, introspection)
            tap.report('readme/bindings', missing_files(directory / 'prefix', introspection))
            tap.report('readme/install', installed_files(environ))
            compile_program(compiler, directory, text, environ)
            tap.report('readme/compile', [])
            output = run(directory / 'smallest', *WORDS, env=environ).split()
            expected = [hashlib.sha256(word.encode()).hexdigest() for word in WORDS]
            tap.report('readme/run', [] if output == expected else
                       ['printed %s' % output, 'and not %s' % expected])
            environ['PKG_CONFIG_PATH'] = str(directory / 'build' / 'meson-uninstalled')
            compile_program(compiler, directory, text, environ)
            tap.report('readme/uninstalled', [])
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            tap.report('readme/works', [error])
    tap.end()


main()
