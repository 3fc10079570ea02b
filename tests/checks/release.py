# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does with a tarball what the README says: builds a program that has the library as a
subproject, installs the library, and builds the smallest program with what is installed.

release.py SRCDIR BUILDDIR MESON C-COMPILER enabled|disabled

The tarball is the one that "meson dist" makes in BUILDDIR, if that has what is in SRCDIR. If not,
because something isn't committed, it is made of the files that git knows. It is unpacked in a
directory with a space in its name. The last word says whether there is introspection. The library
is compiled once, as that takes most of the time: what is installed is the subproject, and must be
what the library by itself would install.
"""

import hashlib
import json
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
WORDS = ['one', 'two', 'three', 'größer']

MESON_BUILD = """\
project('consumer', 'c', default_options: ['c_std=c11'])
%s
executable('consumer', 'consumer.c', dependencies: ppool_dep)
"""

# It has no config.h, and must not find one.
PROGRAM = """\
#if __has_include("config.h") || __has_include(<config.h>)
#error "That is not mine"
#endif
#include <ppool-glib/ppool-glib.h>

static GVariant *
twice (PPoolInvocation *invocation, GVariant *args, gpointer data, GError **error)
{
  return g_variant_new_int32 (2 * g_variant_get_int32 (args));
}

int
main (void)
{
  g_autoptr (PPoolWorker) worker = ppool_worker_new ();
  g_autoptr (PPoolLauncher) launcher = NULL;
  g_autoptr (PPoolExecutor) executor = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  ppool_worker_add_function (worker, "twice", twice, NULL, NULL);
  if (ppool_worker_is_spawned ())
    return ppool_worker_run (worker, NULL);

  launcher = ppool_launcher_new_self ();
  executor = ppool_executor_new (launcher);
  value = ppool_executor_call_sync (executor, "twice", g_variant_new_int32 (21), NULL, &error);
  g_print ("%s\\n", value != NULL ? "works" : error->message);
  return 0;
}
"""


def builder_environment():
    """What who builds a release has: nothing of the build that this test belongs to. A compiler's
    cache can't know what is in a directory of its own, and takes as long as the compiler to find
    out."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(('PPOOL_', 'MESON_', 'LD_', 'GI_', 'G_TEST_', 'PKG_CONFIG'))}
    environ['CCACHE_DISABLE'] = '1'
    return environ


def run(*command, env=None, **kwargs):
    """Runs a command; what it printed is part of the error if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=540,
                          env=env or builder_environment(), check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError('%s: status %d\n%s' % (' '.join(map(str, command)), done.returncode,
                                                  done.stdout.decode(errors='replace')))
    return done.stdout.decode()


def block(text, language):
    return re.search(r'^```%s\n(.*?)^```' % language, text, re.M | re.S).group(1)


def introspect(meson, what, build):
    return json.loads(run(*meson, 'introspect', what, build))


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
            archive.add(srcdir / name, pathlib.Path('ppool-glib', name), recursive=False)


def dist(builddir, meson):
    """Makes the tarball of a release, and returns its path."""
    run(*meson, 'dist', '-C', builddir, '--no-tests', '--formats', 'gztar')
    return max((builddir / 'meson-dist').glob('*.tar.gz'), key=lambda path: path.stat().st_mtime)


def unpack(tarball, directory):
    """Makes a directory of what is in the one of the tarball."""
    directory.parent.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        top = archive.getnames()[0].split('/')[0]
        archive.extractall(directory.parent)
    (directory.parent / top).rename(directory)


class Release:
    """A tarball, unpacked as the subproject of a program, as if it had been fetched."""

    def __init__(self, directory, meson, introspection):
        self.meson = meson
        self.prefix = directory / 'prefix'
        self.consumer = directory / 'a consumer'
        self.source = self.consumer / 'subprojects' / 'ppool-glib'
        self.build = directory / 'build'
        self.options = ['--prefix', self.prefix, '--buildtype=plain']
        self.library_options = ['introspection=' + introspection, 'vapi=disabled']

    def make(self, srcdir, builddir, tap):
        if is_committed(srcdir):
            unpack(dist(builddir, self.meson), self.source)
            tap.report('readme/dist', ['%s is missing' % name
                                       for name in source_files(srcdir, others=False)
                                       if not (self.source / name).is_file()])
            return
        tap.skip('readme/dist', 'the last commit is not what is here')
        tarball = self.consumer.with_name('release.tar')
        pack(srcdir, tarball)
        unpack(tarball, self.source)

    def set_up(self, readme):
        (self.consumer / 'subprojects' / 'ppool-glib.wrap').write_text(block(readme, 'ini'))
        (self.consumer / 'meson.build').write_text(MESON_BUILD % block(readme, 'meson'))
        (self.consumer / 'consumer.c').write_text(PROGRAM)
        run(*self.meson, 'setup', self.build, self.consumer, *self.options,
            '--wrap-mode=forcefallback', '-Dppool-glib:b_pch=true',
            *('-Dppool-glib:' + option for option in self.library_options))

    def unwanted(self):
        """What is built of the subproject beside the library and its programs."""
        for target in introspect(self.meson, '--targets', self.build):
            names = [pathlib.Path(name).name for name in target['filename']]
            if target['type'] == 'executable' and target['build_by_default'] and \
                    target['name'] not in ('consumer', 'ppool-launch', 'ppool-worker'):
                yield '%s is built' % names[0]

    def differences(self):
        """What the library by itself would install and the subproject doesn't, or vice versa."""
        alone = self.consumer.with_name('alone')
        run(*self.meson, 'setup', alone, self.source, *self.options, '-Dtests=false',
            '-Dexamples=false', '-Ddocs=disabled',
            *('-D' + option for option in self.library_options))
        one, other = (set(introspect(self.meson, '--installed', build).values())
                      for build in (alone, self.build))
        for name in sorted(one ^ other):
            yield '%s is only installed %s' % (name, 'alone' if name in one else 'as a subproject')

    def accepted_static(self):
        try:
            run(*self.meson, 'setup', self.consumer.with_name('static'), self.source,
                '-Ddefault_library=static', '-Dintrospection=enabled')
        except RuntimeError as error:
            return [] if 'introspection needs a shared library' in str(error) else [error]
        return ['a static library is accepted with introspection']

    def user_environment(self):
        """What a user has who installed the library: nothing that points into a build."""
        environ = {name: value for name, value in os.environ.items()
                   if not name.startswith(('PPOOL_', 'MESON_', 'LD_'))}
        libdirs = [path.parent for path in self.prefix.rglob('libppool-glib-1.0.so')]
        pkgdirs = list(self.prefix.rglob('pkgconfig'))
        environ['LD_LIBRARY_PATH'] = ':'.join(map(str, libdirs))
        environ['PKG_CONFIG_PATH'] = ':'.join(map(str, pkgdirs))
        return environ


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


def check_subproject(tap, release, readme):
    release.set_up(readme)
    tap.report('subproject/setup', release.unwanted())
    run(*release.meson, 'compile', '-C', release.build, 'consumer')
    tap.report('subproject/compile', [])
    output = run(release.build / 'consumer').strip()
    tap.report('subproject/run', [] if output == 'works' else [output])
    tap.report('subproject/static', release.accepted_static())


def check_readme(tap, release, text, compiler, introspection):
    directory = release.consumer.parent
    tap.report('readme/alone', release.differences())
    run(*release.meson, 'install', '-C', release.build)
    environ = release.user_environment()
    tap.report('readme/bindings', missing_files(release.prefix, introspection))
    tap.report('readme/install', installed_files(environ))
    compile_program(compiler, directory, text, environ)
    tap.report('readme/compile', [])
    output = run(directory / 'smallest', *WORDS, env=environ).split()
    expected = [hashlib.sha256(word.encode()).hexdigest() for word in WORDS]
    tap.report('readme/run', [] if output == expected else
               ['printed %s' % output, 'and not %s' % expected])
    environ['PKG_CONFIG_PATH'] = str(release.build / 'meson-uninstalled')
    compile_program(compiler, directory, text, environ)
    tap.report('readme/uninstalled', [])


def main():
    srcdir, builddir = map(pathlib.Path, sys.argv[1:3])
    meson, compiler, introspection = sys.argv[3].split(), sys.argv[4].split(), sys.argv[5]
    readme = (srcdir / 'README.md').read_text()
    text = block(readme, 'c')
    n_lines = len(text.splitlines())
    tap = Tap()
    tap.report('readme/length', ['%d lines, over %d' % (n_lines, MAX_LINES)]
               if n_lines > MAX_LINES else [])

    with tempfile.TemporaryDirectory(prefix='ppool-release-') as name:
        try:
            release = Release(pathlib.Path(name), meson, introspection)
            release.make(srcdir, builddir, tap)
            check_subproject(tap, release, readme)
            check_readme(tap, release, text, compiler, introspection)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            tap.report('release/works', [error])
    tap.end()


main()
