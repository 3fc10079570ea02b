// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Prints what sha256sum prints, from every processor, and how far it is.

// In a worker: takes a file's name as ay, gives its digest as s.
Variant sha256 (PPool.Invocation invocation, Variant args) throws Error {
  var checksum = new Checksum (ChecksumType.SHA256);
  var file = File.new_for_path (args.get_bytestring ()).read ();
  var buffer = new uint8[256 * 1024];
  ssize_t size;
  while ((size = file.read (buffer)) > 0)
    checksum.update (buffer, size);
  return checksum.get_string ();
}

void show_progress (uint n_done, uint n_files) {
  if (Posix.isatty (Posix.STDERR_FILENO))
    printerr (n_done < n_files ? "\r%u of %u files" : "\r\033[K", n_done, n_files);
}

// Waits for all as they come, and prints them in the order of their names.
bool print_checksums (PPool.Executor executor, string[] names) throws Error {
  PPool.Future[] futures = {};
  foreach (unowned var name in names)
    futures += executor.submit ("sha256", new Variant.bytestring (name));

  uint n_done = 0;
  show_progress (n_done, futures.length);
  foreach (var future in new PPool.AsCompleted (futures)) {
    // A file that can't be read is no reason to stop, and a dead worker is.
    if (future.get_error () is PPool.Error.BROKEN)
      throw future.get_error ();
    show_progress (++n_done, futures.length);
  }

  bool all_well = true;
  for (int i = 0; i < names.length; i++) {
    try {
      print ("%s  %s\n", futures[i].propagate ().get_string (), names[i]);
    } catch (Error error) {
      printerr ("checksum: %s\n", error.message);
      all_well = false;
    }
  }
  return all_well;
}

int main (string[] args) {
  Intl.setlocale ();

  var worker = new PPool.Worker ();
  worker.add_function ("sha256", sha256);

  try {
    if (PPool.Worker.is_spawned ())
      return worker.run ();

    var executor = new PPool.Executor (new PPool.Launcher.self ());
    bool all_well = print_checksums (executor, args[1:args.length]);
    executor.shutdown_sync ();
    return all_well ? 0 : 1;
  } catch (Error error) {
    printerr ("checksum: %s\n", error.message);
    return 1;
  }
}
