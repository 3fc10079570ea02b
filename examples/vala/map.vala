// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// One function over many inputs.
//
// Halve a number if it is even, else treble it and add one: how many steps is it to 1?
// Prints the numbers that take more steps than all below them.

const uint64 N_NUMBERS = 10000;

// In a worker: takes t, gives u.
Variant count_steps (PPool.Invocation invocation, Variant args) throws Error {
  uint n_steps = 0;
  for (uint64 n = (uint64) args; n != 1; n_steps++)
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return n_steps;
}

// The results come in the order of the inputs, whichever worker is done first.
void print_records (PPool.Executor executor) throws Error {
  uint64 number = 0;
  var map = executor.map_func ("count-steps", () => {
    return number < N_NUMBERS ? new Variant.uint64 (++number) : null;
  });

  uint n = 0, most = 0;
  foreach (var value in map) {
    uint n_steps = (uint) value;
    if (++n == 1 || n_steps > most)
      print ("%u takes %u steps\n", n, n_steps);
    most = uint.max (most, n_steps);
  }
}

int main () {
  var worker = new PPool.Worker ();
  worker.add_function ("count-steps", count_steps);

  try {
    if (PPool.Worker.is_spawned ())
      return worker.run ();

    var executor = new PPool.Executor (new PPool.Launcher.self ());
    print_records (executor);
    executor.shutdown_sync ();
    return 0;
  } catch (Error error) {
    printerr ("map: %s\n", error.message);
    return 1;
  }
}
