# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""find-dir.py PREFIX: prints where below the prefix this Python looks for packages."""

import pathlib
import sys
import sysconfig

prefix = pathlib.PurePath(sys.argv[1])
read = [pathlib.PurePath(path) for path in sys.path if path.endswith('-packages')]
# /usr is also above /usr/local, so the shortest is the one that is meant.
below = sorted((path for path in read if prefix in path.parents), key=lambda path: len(path.parts))
print(below[0] if below else
      sysconfig.get_path('purelib', 'posix_prefix', vars={'base': str(prefix)}))
