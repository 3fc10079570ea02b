// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// One function, one call.

// In a worker: takes s, gives s.
Variant greet (PPool.Invocation invocation, Variant args) throws Error {
  return "Hello, %s, from process %d!".printf (args.get_string (), (int) Posix.getpid ());
}

int main (string[] args) {
  Intl.setlocale ();

  // Workers are this same program.
  var worker = new PPool.Worker ();
  worker.add_function ("greet", greet);

  try {
    if (PPool.Worker.is_spawned ())
      return worker.run ();

    var executor = new PPool.Executor (new PPool.Launcher.self ());
    var greeting = executor.call_sync ("greet", args.length > 1 ? args[1] : "world");
    print ("%s\n", greeting.get_string ());
    executor.shutdown_sync ();
    return 0;
  } catch (Error error) {
    printerr ("hello: %s\n", error.message);
    return 1;
  }
}
