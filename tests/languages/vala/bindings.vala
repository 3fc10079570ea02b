// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the bindings add to the library: defaults, yield for all that is asynchronous, and
// foreach. Workers are this program again.

PPool.Executor executor;

Variant echo (PPool.Invocation invocation, Variant args) throws Error {
  return args;
}

Variant positive (PPool.Invocation invocation, Variant args) throws Error {
  if ((int) args <= 0)
    throw new IOError.INVALID_DATA ("not positive");
  return args;
}

PPool.Future[] submit_numbers (int n) throws Error {
  PPool.Future[] futures = {};
  for (int i = 0; i < n; i++)
    futures += executor.submit ("echo", i);
  return futures;
}

void test_defaults () throws Error {
  assert (executor.call_sync ("echo").is_of_type (VariantType.UNIT));
  assert (executor.submit ("echo").result ().is_of_type (VariantType.UNIT));
  assert (executor.submit_call (new PPool.Call ("echo")).result ().is_of_type (VariantType.UNIT));

  var futures = submit_numbers (3);
  var done = PPool.wait_futures (futures);
  assert (done.length == 3 && done[2] == futures[2]);
  done = null;
  assert (futures[0].ref_count == 1);
}

async void yield_for_all () throws Error {
  assert ((int) (yield executor.call_async ("echo", 7)) == 7);
  assert ((yield executor.call_async ("echo")).is_of_type (VariantType.UNIT));

  var futures = submit_numbers (2);
  assert ((int) (yield futures[1].result_async ()) == 1);
  var done = yield PPool.wait_futures_async (futures);
  assert (done.length == 2);

  var completed = new PPool.AsCompleted (futures);
  assert ((yield completed.next_future_async ()) != null);
  assert ((yield completed.next_future_async ()) != null);
  assert ((yield completed.next_future_async ()) == null);

  var map = executor.map ("echo", new Variant.parsed ("[1, 2]"));
  assert ((int) (yield map.next_value_async ()) == 1);
  assert ((int) (yield map.next_value_async ()) == 2);
  assert ((yield map.next_value_async ()) == null);

  try {
    yield executor.call_async ("positive", -1);
    assert_not_reached ();
  } catch (IOError.INVALID_DATA error) {
    assert (error.message == "not positive");
  }
  assert (yield executor.shutdown_async ());
}

void test_yield () throws Error {
  var loop = new MainLoop ();
  Error? failure = null;
  yield_for_all.begin ((object, result) => {
    try {
      yield_for_all.end (result);
    } catch (Error error) {
      failure = error;
    }
    loop.quit ();
  });
  loop.run ();
  if (failure != null)
    throw failure;
  assert (executor.state == PPool.ExecutorState.SHUT_DOWN);
}

void test_foreach_map () throws Error {
  int n = 0;
  var map = executor.map ("echo", new Variant.parsed ("[0, 1, 2, 3]"));
  foreach (var value in map)
    assert ((int) value == n++);
  assert (n == 4);
  assert (map.ref_count == 1);
  assert (map.next_value () == null);
}

void test_foreach_func () throws Error {
  int drawn = 0, n = 0;
  var map = executor.map_func ("echo", () => drawn < 1000 ? new Variant.int32 (drawn++) : null);
  foreach (var value in map)
    assert ((int) value == n++);
  assert (n == 1000);
}

// What comes before the failed call is there; the rest is cancelled with the map.
void test_foreach_error () throws Error {
  int n = 0;
  try {
    foreach (var value in executor.map ("positive", new Variant.parsed ("[2, 1, 0, 1]"))) {
      assert ((int) value == 2 - n);
      n++;
    }
    assert_not_reached ();
  } catch (IOError.INVALID_DATA error) {
    assert (n == 2);
  }
}

void test_foreach_left () throws Error {
  PPool.Map map;
  WeakRef weak_map = WeakRef (null);
  int n = 0;

  map = executor.map_func ("echo", () => new Variant.int32 (0));
  weak_map.set (map);
  foreach (var value in map) {
    assert ((int) value == 0);
    if (++n == 10)
      break;
  }
  map = null;
  assert (weak_map.get () == null);
}

void test_foreach_completed () throws Error {
  var futures = submit_numbers (10);
  var seen = new bool[10];
  foreach (var future in new PPool.AsCompleted (futures))
    seen[(int) future.propagate ()] = true;
  foreach (var was_seen in seen)
    assert (was_seen);
  assert (futures[9].ref_count == 1);
}

void test_callback () throws Error {
  var loop = new MainLoop ();
  var future = executor.submit ("echo", 5);
  int got = 0;
  future.add_done_callback ((done) => {
    try {
      got = (int) done.propagate ();
    } catch (Error error) {
      assert_not_reached ();
    }
    loop.quit ();
  });
  loop.run ();
  assert (got == 5);
}

void test_buffer () throws Error {
  var buffer = new PPool.Buffer (100000);
  unowned uint8[] data = buffer.get_data ();
  assert (data.length == 100000);
  data[99999] = 42;
  var value = executor.call_sync ("echo", buffer.to_variant ());
  assert (value.get_data_as_bytes ()[99999] == 42);
}

void test_nullable_properties () throws Error {
  var call = new PPool.Call ("echo");
  assert (call.args == null && call.result_type == null);
  assert (executor.initializer == null && executor.initializer_args == null);
  assert (executor.launcher.cwd == null);
}

// Comes to no end, unless nobody wants its value any more.
Variant hang (PPool.Invocation invocation, Variant args) throws Error {
  unowned var cancellable = invocation.get_cancellable ();
  while (!cancellable.is_cancelled ())
    Thread.yield ();
  cancellable.set_error_if_cancelled ();
  return args;
}

// Dies until it was begun so many times.
Variant exit_first (PPool.Invocation invocation, Variant args) throws Error {
  if (invocation.get_attempt () <= (uint) args)
    Posix._exit (4);
  return (uint32) invocation.get_attempt ();
}

// Dies of a signal, and says something before.
Variant die (PPool.Invocation invocation, Variant args) throws Error {
  stderr.puts ("last words\n");
  Posix.kill (Posix.getpid (), (int) args);
  while (true)
    Posix.pause ();
}

Variant leave (PPool.Invocation invocation, Variant args) throws Error {
  Posix._exit ((int) args);
  return args;
}

// As GLib does when there is no memory.
Variant fail_to_allocate (PPool.Invocation invocation, Variant args) throws Error {
  stderr.puts ("GLib-ERROR: a.c:1: failed to allocate 7 bytes\n");
  Posix.abort ();
  return args;
}

// A death costs one call, and programs can tell which one.
void test_death () throws Error {
  executor.crash_policy = PPool.CrashPolicy.REPLACE;
  var before = executor.submit ("echo", 1);
  var call = new PPool.Call ("exit-first", (uint32) 10);
  call.label = "tree.tiff";
  var future = executor.submit_call (call);
  var after = executor.submit ("echo", 2);

  try {
    future.result ();
    assert_not_reached ();
  } catch (PPool.Error.WORKER_DIED error) {
    assert ("(tree.tiff)" in error.message);
    PPool.Death? death = future.get_death ();
    assert (death != null && death.cause == PPool.DeathCause.EXIT);
    assert (death.exit_status == 4 && death.function == "exit-first");
    assert (death.message == error.message);
  }
  assert ((int) before.result () == 1 && (int) after.result () == 2);
  assert (after.get_death () == null);
}

PPool.Death die_of (string function, int number) throws Error {
  var future = executor.submit (function, number);
  try {
    future.result ();
    assert_not_reached ();
  } catch (PPool.Error.WORKER_DIED error) {
    var death = future.get_death ();
    assert (death.message == error.message && death.function == function);
    assert (death.worker_pid == future.get_worker_pid () && death.run_time >= 0);
    return death;
  }
}

// Each cause that a test can bring about, and all that is told of it.
void test_causes () throws Error {
  executor.max_workers = 1;
  executor.crash_policy = PPool.CrashPolicy.REPLACE;
  executor.abort_grace_msec = 0;
  int[] signals = { Posix.Signal.SEGV, Posix.Signal.TERM, Posix.Signal.KILL, Posix.Signal.XCPU,
                    Posix.Signal.XFSZ };
  PPool.DeathCause[] causes = { SIGNAL, SIGNAL, KILLED, LIMIT, LIMIT };
  for (int i = 0; i < signals.length; i++) {
    var death = die_of ("die", signals[i]);
    assert (death.cause == causes[i] && death.signal_number == signals[i]);
    assert (death.exit_status == -1 && death.stderr_tail.strip () == "last words");
  }
  int[] statuses = { 0, 5 };
  foreach (int status in statuses) {
    var death = die_of ("leave", status);
    assert (death.cause == PPool.DeathCause.EXIT && death.signal_number == 0);
    assert (death.exit_status == status && death.stderr_tail == null);
  }
  assert (die_of ("fail-to-allocate", 0).cause == PPool.DeathCause.OUT_OF_MEMORY);

  var call = new PPool.Call ("hang");
  call.timeout_msec = 50;
  var future = executor.submit_call (call);
  try {
    future.result ();
    assert_not_reached ();
  } catch (PPool.Error.TIMED_OUT error) {
    assert (future.get_death ().cause == PPool.DeathCause.ENDED);
    assert (future.get_death ().signal_number == Posix.Signal.KILL);
  }
}

// One that says what is not valid, or nothing any more.
void test_causes_of_channel () throws Error {
  string[] steps = { "unasked:method", "close" };
  PPool.DeathCause[] causes = { PROTOCOL, CLOSED };
  for (int i = 0; i < steps.length; i++) {
    string[] argv = { Environment.get_variable ("G_TEST_BUILDDIR") + "/workers/raw-worker",
                      "init", "call", steps[i], "hang" };
    var raw = new PPool.Executor (new PPool.Launcher (argv));
    raw.max_workers = 1;
    raw.crash_policy = PPool.CrashPolicy.REPLACE;
    var future = raw.submit ("function");
    try {
      future.result ();
      assert_not_reached ();
    } catch (PPool.Error.WORKER_DIED error) {
      var death = future.get_death ();
      assert (death.cause == causes[i] && death.exit_status == -1 && death.signal_number == 0);
    }
    raw.shutdown_sync ();
  }
}

void test_retries () throws Error {
  executor.crash_policy = PPool.CrashPolicy.REPLACE;
  var call = new PPool.Call ("exit-first", (uint32) 2);
  call.max_retries = 2;
  var future = executor.submit_call (call);
  assert ((uint) future.result () == 3);
  assert (future.get_n_attempts () == 3);
}

void test_timeout () throws Error {
  var call = new PPool.Call ("hang");
  call.timeout_msec = 50;
  try {
    executor.submit_call (call).result ();
    assert_not_reached ();
  } catch (PPool.Error.TIMED_OUT error) {
    assert ("50 ms" in error.message);
  }
}

void test_abort () throws Error {
  var future = executor.submit ("hang");
  while (!future.is_running ())
    Thread.yield ();
  future.abort ();
  try {
    future.result ();
    assert_not_reached ();
  } catch (IOError.CANCELLED error) {
    assert (future.is_cancelled ());
  }
  assert (executor.state == PPool.ExecutorState.RUNNING);
}

void test_revive () throws Error {
  try {
    executor.call_sync ("exit-first", (uint32) 10);
    assert_not_reached ();
  } catch (PPool.Error.BROKEN error) {
    assert (executor.revive ());
  }
  assert ((int) executor.call_sync ("echo", 1) == 1);
}

void test_failed () throws Error {
  executor.crash_policy = PPool.CrashPolicy.REPLACE;
  var map = executor.map ("exit-first", new Variant.parsed ("[uint32 0, 10, 0]"));
  map.stop_on_error = false;
  int n_values = 0;
  for (int i = 0; i < 3; i++) {
    uint64 index;
    try {
      map.next_value ();
      assert (map.get_failed_future (out index) == null);
      n_values++;
    } catch (PPool.Error.WORKER_DIED error) {
      var failed = map.get_failed_future (out index);
      assert (index == 1 && failed.get_n_attempts () == 1);
      assert (failed.get_death ().message == error.message);
    }
  }
  assert (n_values == 2 && map.next_value () == null);
}

// What is told of workers that start and exit, and of their deaths.
void test_workers () throws Error {
  PPool.WorkerStatus[] started = {};
  PPool.WorkerStatus[] exited = {};
  Error?[] reasons = {};
  executor.max_workers = 1;
  executor.max_tasks_per_worker = 1;
  executor.crash_policy = PPool.CrashPolicy.REPLACE;
  executor.worker_started.connect ((status) => {
    assert (status.slot == 0);
    started += status;
  });
  executor.worker_exited.connect ((status, reason) => {
    exited += status;
    reasons += reason != null ? reason.copy () : null;
  });

  assert ((int) executor.call_sync ("echo", 1) == 1);
  var call = new PPool.Call ("exit-first", (uint32) 10);
  var future = executor.submit_call (call);
  string message = "";
  try {
    future.result ();
    assert_not_reached ();
  } catch (PPool.Error.WORKER_DIED error) {
    message = error.message;
  }
  while (exited.length < 2)
    MainContext.default ().iteration (true);

  assert (started.length == 2 && started[0] == exited[0] && started[1] == exited[1]);
  assert (exited[0].exit_reason == PPool.WorkerExitReason.TASKS && reasons[0] == null);
  assert (exited[1].exit_reason == PPool.WorkerExitReason.DIED);
  assert (exited[1].pid == future.get_worker_pid ());
  assert (reasons[1] is PPool.Error.WORKER_DIED && reasons[1].message == message);
  assert (exited[0].death == null);
  assert (exited[1].death.message == message);
}

class Exits {
  public PPool.WorkerExitReason[] reasons = {};
  public Error?[] errors = {};

  public Exits (PPool.Executor executor) {
    executor.worker_exited.connect ((status, error) => {
      reasons += status.exit_reason;
      errors += error != null ? error.copy () : null;
    });
  }

  public bool has (PPool.WorkerExitReason wanted) {
    foreach (var reason in reasons)
      if (reason == wanted)
        return true;
    return false;
  }

  // Waits for so many.
  public void wait (int n) {
    while (reasons.length < n)
      MainContext.default ().iteration (true);
    assert (reasons.length == n);
    for (int i = 0; i < n; i++)
      assert ((errors[i] != null) == (reasons[i] == DIED || reasons[i] == ENDED));
  }
}

PPool.Future hang_now (PPool.Executor executor) throws Error {
  var future = executor.submit ("hang");
  while (!future.is_running ())
    Thread.yield ();
  return future;
}

// One breaks the executor, and the other is ended for that.
void test_exit_broken () throws Error {
  var exits = new Exits (executor);
  var other = hang_now (executor);
  try {
    executor.call_sync ("leave", 3);
    assert_not_reached ();
  } catch (PPool.Error.BROKEN error) {
  }
  try {
    other.result ();
    assert_not_reached ();
  } catch (PPool.Error.BROKEN error) {
  }
  exits.wait (2);
  assert (exits.has (DIED) && exits.has (BROKEN));
  assert (exits.errors[0] is PPool.Error.WORKER_DIED || exits.errors[1] is PPool.Error.WORKER_DIED);
}

void test_exit_terminated () throws Error {
  var exits = new Exits (executor);
  var future = hang_now (executor);
  executor.terminate_workers ();
  try {
    future.result ();
    assert_not_reached ();
  } catch (PPool.Error.BROKEN error) {
  }
  exits.wait (1);
  assert (exits.has (TERMINATED));
}

void test_exit_ended () throws Error {
  var exits = new Exits (executor);
  executor.abort_grace_msec = 0;
  hang_now (executor).abort ();
  exits.wait (1);
  assert (exits.has (ENDED) && exits.errors[0] is IOError.CANCELLED);
}

// Two are one too many, and one is when the executor shuts down.
void test_exit_asked () throws Error {
  var exits = new Exits (executor);
  executor.abort_grace_msec = 60000;
  var one = hang_now (executor), other = hang_now (executor);
  executor.max_workers = 1;
  one.abort ();
  exits.wait (1);
  assert (exits.has (SURPLUS));
  other.abort ();
  executor.shutdown_sync ();
  exits.wait (2);
  assert (exits.has (SHUTDOWN));
}

// One that never becomes ready.
void test_exit_start () throws Error {
  string[] argv = { "/bin/sh", "-c", "exit 3" };
  var fails = new PPool.Executor (new PPool.Launcher (argv));
  var exits = new Exits (fails);
  fails.max_workers = 1;
  try {
    fails.call_sync ("echo", 1);
    assert_not_reached ();
  } catch (PPool.Error.BROKEN error) {
  }
  exits.wait (1);
  assert (exits.has (DIED) && exits.errors[0] is PPool.Error.LAUNCH);
  fails.shutdown_sync ();
}

delegate void TestFunc () throws Error;

// One executor a test, of which nothing may be left.
void add (string path, TestFunc func) {
  Test.add_data_func (path, () => {
    WeakRef weak_executor = WeakRef (null);
    try {
      executor = new PPool.Executor (new PPool.Launcher.self ());
      executor.max_workers = 2;
      weak_executor.set (executor);
      func ();
      executor.shutdown_sync ();
    } catch (Error error) {
      Test.message ("%s", error.message);
      Test.fail ();
    }
    executor = null;
    while (MainContext.default ().iteration (false));
    assert (weak_executor.get () == null);
  });
}

int main (string[] args) {
  var worker = new PPool.Worker ();
  worker.add_function ("echo", echo);
  worker.add_function ("positive", positive);
  worker.add_function ("hang", hang);
  worker.add_function ("exit-first", exit_first);
  worker.add_function ("die", die);
  worker.add_function ("leave", leave);
  worker.add_function ("fail-to-allocate", fail_to_allocate);
  try {
    if (PPool.Worker.is_spawned ())
      return worker.run ();
  } catch (Error error) {
    return 1;
  }

  Test.init (ref args);
  add ("/vala/defaults", test_defaults);
  add ("/vala/yield", test_yield);
  add ("/vala/foreach/map", test_foreach_map);
  add ("/vala/foreach/func", test_foreach_func);
  add ("/vala/foreach/error", test_foreach_error);
  add ("/vala/foreach/left", test_foreach_left);
  add ("/vala/foreach/completed", test_foreach_completed);
  add ("/vala/callback", test_callback);
  add ("/vala/buffer", test_buffer);
  add ("/vala/nullable-properties", test_nullable_properties);
  add ("/vala/death", test_death);
  add ("/vala/causes", test_causes);
  add ("/vala/causes/channel", test_causes_of_channel);
  add ("/vala/retries", test_retries);
  add ("/vala/timeout", test_timeout);
  add ("/vala/abort", test_abort);
  add ("/vala/revive", test_revive);
  add ("/vala/failed", test_failed);
  add ("/vala/workers", test_workers);
  add ("/vala/exit/broken", test_exit_broken);
  add ("/vala/exit/terminated", test_exit_terminated);
  add ("/vala/exit/ended", test_exit_ended);
  add ("/vala/exit/asked", test_exit_asked);
  add ("/vala/exit/start", test_exit_start);
  return Test.run ();
}
