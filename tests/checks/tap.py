# SPDX-FileCopyrightText: 2026 The PPool-GLib authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a check says, as the Test Anything Protocol."""

import sys


class Tap:
    """Counts results as they are reported; end() tells how many there were."""

    def __init__(self):
        self.n_results = 0
        self.n_failed = 0

    def report(self, name, problems):
        """Reports one test: it passed if there are no problems."""
        problems = list(problems)
        self.n_results += 1
        self.n_failed += bool(problems)
        print('%s %d %s' % ('not ok' if problems else 'ok', self.n_results, name))
        for problem in problems:
            for line in str(problem).splitlines():
                print('# ' + line)

    def skip(self, name, reason):
        self.n_results += 1
        print('ok %d %s # SKIP %s' % (self.n_results, name, reason))

    def end(self):
        print('1..%d' % self.n_results)
        sys.exit(1 if self.n_failed else 0)
