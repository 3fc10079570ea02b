/* embed-host.c: a program with a Python in it, which runs a script
 *
 * Copyright 2026 The PPool-GLib authors
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdio.h>

/* Tells of each run of itself, since a pool might take it for an interpreter. */
int
main (int    argc,
      char **argv)
{
  FILE *script = argc > 1 ? fopen (argv[1], "r") : NULL;

  puts ("the application runs");
  fflush (stdout);
  if (script == NULL)
    return 1;

  Py_Initialize ();
  PyRun_SimpleFileEx (script, argv[1], 1);

  return Py_FinalizeEx () < 0;
}
