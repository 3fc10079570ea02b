// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A worker in Vala, with what the programs of this folder call. worker.c has the same
// functions.

Variant? set_up_args = null;

Variant echo (PPool.Invocation invocation, Variant args) throws Error {
  return args;
}

Variant fail (PPool.Invocation invocation, Variant args) throws Error {
  unowned string domain, message;
  int code;
  args.get ("(&si&s)", out domain, out code, out message);
  throw new Error.literal (Quark.from_string (domain), code, message);
}

// Dies of the signal of that name, or exits.
Variant crash (PPool.Invocation invocation, Variant args) throws Error {
  int signal_number = 0;
  switch (args.get_string ()) {
  case "exit":
    Posix._exit (3);
    break;
  case "exit-well":
    Posix._exit (0);
    break;
  case "SIGABRT":
    signal_number = Posix.Signal.ABRT;
    break;
  case "SIGKILL":
    signal_number = Posix.Signal.KILL;
    break;
  case "SIGTERM":
    signal_number = Posix.Signal.TERM;
    break;
  }
  Posix.kill (Posix.getpid (), signal_number);
  return args;
}

Variant read_file (PPool.Invocation invocation, Variant args) throws Error {
  string text;
  FileUtils.get_contents (args.get_string (), out text);
  return text;
}

Variant length (PPool.Invocation invocation, Variant args) throws Error {
  return (uint) args.get_string ().char_count ();
}

Variant negate (PPool.Invocation invocation, Variant args) throws Error {
  return -(int64) args;
}

Variant count_arguments (PPool.Invocation invocation, Variant args) throws Error {
  return (uint) args.n_children ();
}

Variant set_up (PPool.Invocation invocation, Variant args) throws Error {
  set_up_args = args;
  return new Variant.tuple ({});
}

Variant get_set_up (PPool.Invocation invocation, Variant args) throws Error {
  return set_up_args;
}

int main () {
  var worker = new PPool.Worker ();
  worker.add_function ("echo", echo);
  worker.add_function ("fail", fail);
  worker.add_function ("crash", crash);
  worker.add_function ("read-file", read_file);
  worker.add_function ("length", length);
  worker.add_function ("Länge/長さ", length);
  worker.add_function ("negate", negate);
  worker.add_function ("count-arguments", count_arguments);
  worker.add_function ("set-up", set_up);
  worker.add_function ("get-set-up", get_set_up);
  try {
    return worker.run ();
  } catch (Error error) {
    return 1;
  }
}
