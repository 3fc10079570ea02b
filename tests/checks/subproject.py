# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a program that has the library as a subproject, in the way that the README tells.

subproject.py SRCDIR MESON
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from tap import Tap

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


def run(*command, **kwargs):
    """Runs a command; what it printed is part of the error if it fails."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(('PPOOL_', 'MESON_', 'LD_', 'PKG_CONFIG'))}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ,
                          timeout=540, check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError('%s: status %d\n%s' % (' '.join(map(str, command)), done.returncode,
                                                  done.stdout.decode(errors='replace')))
    return done.stdout.decode()


def block(text, language):
    return re.search(r'^```%s\n(.*?)^```' % language, text, re.M | re.S).group(1)


def make(srcdir, directory):
    """The consumer, with the subproject as if it had been fetched."""
    readme = (srcdir / 'README.md').read_text()
    subprojects = directory / 'subprojects'
    subprojects.mkdir()
    (subprojects / 'ppool-glib').symlink_to(srcdir)
    (subprojects / 'ppool-glib.wrap').write_text(block(readme, 'ini'))
    (directory / 'meson.build').write_text(MESON_BUILD % block(readme, 'meson'))
    (directory / 'consumer.c').write_text(PROGRAM)


def unwanted(build, meson):
    """What is built of the subproject beside the library and its programs."""
    for target in json.loads(run(*meson, 'introspect', '--targets', build)):
        names = [pathlib.Path(name).name for name in target['filename']]
        if target['type'] == 'executable' and target['build_by_default'] and \
                target['name'] not in ('consumer', 'ppool-launch', 'ppool-worker'):
            yield '%s is built' % names[0]


def main():
    srcdir, meson = pathlib.Path(sys.argv[1]), sys.argv[2].split()
    tap = Tap()

    with tempfile.TemporaryDirectory(prefix='ppool-subproject-') as name:
        directory = pathlib.Path(name)
        build = directory / 'build'
        try:
            make(srcdir, directory)
            run(*meson, 'setup', build, directory, '--buildtype=plain', '--wrap-mode=forcefallback',
                '-Dppool-glib:introspection=disabled')
            tap.report('subproject/setup', unwanted(build, meson))
            run(*meson, 'compile', '-C', build, 'consumer')
            tap.report('subproject/compile', [])
            output = run(build / 'consumer').strip()
            tap.report('subproject/run', [] if output == 'works' else [output])

            try:
                run(*meson, 'setup', directory / 'static', srcdir, '-Ddefault_library=static',
                    '-Dintrospection=enabled')
                problems = ['a static library is accepted with introspection']
            except RuntimeError as error:
                problems = [] if 'introspection needs a shared library' in str(error) else [error]
            tap.report('subproject/static', problems)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            tap.report('subproject/works', [error])
    tap.end()


main()
