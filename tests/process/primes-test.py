# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs examples/primes, which prints what Python's own example prints.

Usage: primes-test.py PRIMES-PROGRAM
"""

import subprocess
import sys

WANTED = '''\
112272535095293 is prime: true
112582705942171 is prime: true
112272535095293 is prime: true
115280095190773 is prime: true
115797848077099 is prime: true
1099726899285419 is prime: false
'''

print('1..1')
done = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                      text=True, timeout=50, check=False)
passed = (done.stdout, done.returncode) == (WANTED, 0)
if not passed:
    print('# status %d\n# %s' % (done.returncode, done.stdout.strip().replace('\n', '\n# ')))
print('%s 1 primes' % ('ok' if passed else 'not ok'))
sys.exit(0 if passed else 1)
