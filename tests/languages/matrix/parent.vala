// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Runs a table of cases from Vala: parent TABLE full|plain WORKER-COMMAND...
//
// The table, cases.txt, tells what a line of it means. The programs of the same name in
// other languages do the same.

const int LIMIT_MSEC = 20000;

errordomain CheckError {
  FAILED
}

bool is_plain;
string[] command;

void check (bool condition, string about) throws Error {
  if (!condition)
    throw new CheckError.FAILED (about);
}

void check_error (Error error, Quark domain, int code) throws Error {
  check (error.domain == domain && error.code == code,
         @"got $(error.domain) $(error.code) $(error.message)");
}

// Returns the error that a call must give.
Error failure (PPool.Future future, int limit_msec = LIMIT_MSEC) throws CheckError {
  Variant value;
  try {
    value = future.result (limit_msec);
  } catch (Error error) {
    return error;
  }
  throw new CheckError.FAILED ("got %s instead of an error", value.print (true));
}

Variant parse (string text) throws Error {
  return Variant.parse (null, text);
}

void check_value (Variant got, Variant wanted) throws Error {
  check (got.equal (wanted), @"got $(got.print (true)), wanted $(wanted.print (true))");
}

int code_of (string name) {
  switch (name) {
  case "INVALID_ARGS":
    return PPool.Error.INVALID_ARGS;
  case "REMOTE":
    return PPool.Error.REMOTE;
  case "UNKNOWN_FUNCTION":
    return PPool.Error.UNKNOWN_FUNCTION;
  default:
    return -1;
  }
}

Error? check_outcome (PPool.Executor executor, string function, Variant args, string outcome)
       throws Error {
  var future = executor.submit (function, args);

  if (code_of (outcome) >= 0) {
    var error = failure (future);
    check_error (error, PPool.Error.quark (), code_of (outcome));
    return error;
  }
  check_value (future.result (LIMIT_MSEC), outcome == "same" ? args : parse (outcome));
  return null;
}

PPool.Executor make_executor (uint max_workers = 1, string? initializer = null,
                              Variant? initializer_args = null) {
  var launcher = new PPool.Launcher (command);
  launcher.stderr_mode = PPool.StderrMode.DISCARD;
  return (PPool.Executor) Object.new (typeof (PPool.Executor),
                                      launcher: launcher,
                                      max_workers: max_workers,
                                      initializer: initializer,
                                      initializer_args: initializer_args);
}

// A worker whose only call reads from a pipe.
class Held {
  public PPool.Executor executor;
  public PPool.Future future;
  FileStream pipe;

  public Held () throws Error {
    var folder = DirUtils.make_tmp ("ppool-XXXXXX");
    var path = Path.build_filename (folder, "pipe");

    Posix.mkfifo (path, 0600);
    executor = make_executor ();
    future = executor.submit ("read-file", path);
    pipe = FileStream.open (path, "w");
    FileUtils.unlink (path);
    DirUtils.remove (folder);
    check (future.is_running (), "is not running");
  }

  public void release () throws Error {
    pipe.puts ("geöffnet");
    pipe = null;
    check_value (future.result (LIMIT_MSEC), "geöffnet");
    executor.shutdown_sync ();
  }
}

void case_deep (PPool.Executor executor, int levels, string outcome) throws Error {
  Variant value = "deep";
  for (int i = 0; i < levels; i++)
    value = new Variant.variant (value);
  check_outcome (executor, "echo", value, outcome);
}

void case_large (PPool.Executor executor, string type, int size) throws Error {
  var data = new uint8[size];
  for (int i = 0; i < size; i++)
    data[i] = (uint8) (1 + i % 100);
  if (type == "s")
    data[size - 1] = 0;
  var bytes = new Bytes (data);
  var value = new Variant.from_bytes (new VariantType (type), bytes, false);
  var got = executor.submit ("echo", value).result (LIMIT_MSEC);
  check (got.get_type_string () == type, got.get_type_string ());
  check (got.get_data_as_bytes ().compare (bytes) == 0, "other data");
}

void case_segments () throws Error {
  string maps;
  FileUtils.get_contents ("/proc/self/maps", out maps);
  check (maps.contains ("/memfd:ppool-segment") == !is_plain, "segments");
}

void case_call (PPool.Executor executor, string function, Variant args, string outcome)
     throws Error {
  var error = check_outcome (executor, function, args, outcome);
  check (error == null || error.message.contains (function), error != null ? error.message : "");
}

void case_fail (PPool.Executor executor, Variant args, string outcome) throws Error {
  unowned string domain, message;
  int code;
  args.get ("(&si&s)", out domain, out code, out message);

  var error = failure (executor.submit ("fail", args));
  if (outcome == "same") {
    check_error (error, Quark.from_string (domain), code);
    check (error.message == message, error.message);
  } else {
    check_error (error, PPool.Error.quark (), code_of (outcome));
    check (error.message.contains (message) && error.message.contains (domain), error.message);
  }
}

void case_map (PPool.Executor executor, string function, Variant inputs, Variant wanted)
     throws Error {
  size_t n = 0;
  foreach (var value in executor.map (function, inputs))
    check_value (value, wanted.get_child_value (n++));
  check (n == wanted.n_children (), @"ended after $n");
}

void case_count (PPool.Executor executor, string function, int n) throws Error {
  int drawn = 0, got = 0;
  var map = executor.map_func (function, () => drawn < n ? new Variant.int64 (++drawn) : null);
  foreach (var value in map)
    check ((int64) value == -++got, @"got $(value.print (true)) at $got");
  check (got == n, @"ended after $got");
}

void case_crash (string how, string words) throws Error {
  var executor = make_executor ();
  var error = failure (executor.submit ("crash", how));

  check (error is PPool.Error.BROKEN, error.message);
  check (error.message.contains (words) && error.message.contains ("“crash”"), error.message);
  check (executor.state == PPool.ExecutorState.BROKEN, "is not broken");
  check (executor.get_error () is PPool.Error.WORKER_DIED, executor.get_error ().message);
  executor.shutdown_sync ();
}

void case_cancel_queued () throws Error {
  var held = new Held ();
  var queued = held.executor.submit ("echo");

  check (queued.cancel () && queued.is_cancelled (), "is not cancelled");
  check (failure (queued) is IOError.CANCELLED, "another error");
  held.release ();
}

void case_cancel_running () throws Error {
  var held = new Held ();

  check (!held.future.cancel () && !held.future.is_cancelled (), "is cancelled");
  held.release ();
}

void case_time_out () throws Error {
  var held = new Held ();

  check (failure (held.future, 10) is IOError.TIMED_OUT, "another error");
  held.release ();
}

void case_initializer (Variant args) throws Error {
  var executor = make_executor (1, "set-up", args);

  check_value (executor.call_sync ("get-set-up"), args);
  executor.shutdown_sync ();
}

// What comes of a value depends on the worker.
string outcome_of (string[] fields) {
  return is_plain && fields.length > 3 ? fields[3] : "same";
}

void run_case (PPool.Executor executor, string[] fields) throws Error {
  switch (fields[0]) {
  case "echo":
    check_outcome (executor, "echo", parse (fields[2]), outcome_of (fields));
    break;
  case "deep":
    case_deep (executor, int.parse (fields[2]), outcome_of (fields));
    break;
  case "large":
    case_large (executor, fields[2], int.parse (fields[3]));
    break;
  case "segments":
    case_segments ();
    break;
  case "call":
    case_call (executor, fields[2], parse (fields[3]), fields[4]);
    break;
  case "fail":
    case_fail (executor, parse (fields[2]), fields[3]);
    break;
  case "map":
    case_map (executor, fields[2], parse (fields[3]), parse (fields[4]));
    break;
  case "count":
    case_count (executor, fields[2], int.parse (fields[3]));
    break;
  case "crash":
    case_crash (fields[2], fields[3]);
    break;
  case "cancel-queued":
    case_cancel_queued ();
    break;
  case "cancel-running":
    case_cancel_running ();
    break;
  case "time-out":
    case_time_out ();
    break;
  case "initializer":
    case_initializer (parse (fields[2]));
    break;
  default:
    throw new CheckError.FAILED ("There is no such operation");
  }
}

// Returns whether it passed.
bool report_case (PPool.Executor executor, uint number, string line) {
  string[] fields = {};
  foreach (unowned var field in line.split ("|"))
    fields += field.strip ();

  bool passed = true;
  try {
    run_case (executor, fields);
  } catch (Error error) {
    passed = false;
    print ("# %s\n", error.message.replace ("\n", "\n# "));
  }
  print ("%s %u /%s/%s\n", passed ? "ok" : "not ok", number, fields[0], fields[1]);
  return passed;
}

int main (string[] args) {
  Intl.setlocale ();
  is_plain = args[2] == "plain";
  command = args[3:args.length];

  try {
    string table;
    FileUtils.get_contents (args[1], out table);

    var executor = make_executor (2);
    uint number = 0;
    bool passed = true;
    foreach (unowned var line in table.split ("\n"))
      if (line != "" && !line.has_prefix ("#"))
        passed = report_case (executor, ++number, line) && passed;
    print ("1..%u\n", number);
    executor.shutdown_sync ();
    return passed ? 0 : 1;
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
}
