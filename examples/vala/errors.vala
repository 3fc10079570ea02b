// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What can go wrong, and what to do then.

// In a worker: takes (xx), gives x.
Variant divide (PPool.Invocation invocation, Variant args) throws Error {
  int64 dividend, divisor;
  args.get ("(xx)", out dividend, out divisor);
  if (divisor == 0)
    throw new IOError.INVALID_ARGUMENT ("Division by zero");
  return dividend / divisor;
}

// In a worker: what comes of a bug.
Variant crash (PPool.Invocation invocation, Variant args) throws Error {
  printerr ("crash: this can't be\n");
  Process.abort ();
}

PPool.Executor make_executor () {
  // What workers say is in the message of a crash.
  var launcher = new PPool.Launcher.self ();
  launcher.stderr_mode = PPool.StderrMode.DISCARD;
  return new PPool.Executor (launcher);
}

string explain (Error error) {
  if (error is IOError.INVALID_ARGUMENT)
    return @"the function failed: $(error.message)";
  if (error is PPool.Error.UNKNOWN_FUNCTION)
    return "there is no such function";
  if (error is IOError.TIMED_OUT)
    return "not done yet";
  if (error is PPool.Error.BROKEN)
    return error.message;
  return @"$(error.message) ($(error.domain), code $(error.code))";
}

async void call (PPool.Executor executor, string function, Variant? args = null) {
  try {
    var value = yield executor.call_async (function, args);
    print ("%s: %s\n", function, value.print (false));
  } catch (Error error) {
    print ("%s: %s\n", function, explain (error));
  }
}

// A wait that ran out is no end: the call goes on, and can be waited for again.
void wait_twice (PPool.Executor executor) throws Error {
  var future = executor.submit ("divide", new Variant ("(xx)", (int64) 42, (int64) 6));
  foreach (var limit_msec in new int[] { 0, -1 }) {
    try {
      print ("wait: %s\n", future.result (limit_msec).print (false));
    } catch (IOError.TIMED_OUT error) {
      print ("wait: %s\n", explain (error));
    }
  }
}

async void run () throws Error {
  var executor = make_executor ();
  wait_twice (executor);
  yield call (executor, "divide", new Variant.parsed ("(@x 1, @x 0)"));
  yield call (executor, "multiply", new Variant.parsed ("(@x 1, @x 2)"));

  // After a crash an executor takes no more calls, until it is revived.
  yield call (executor, "crash");
  yield call (executor, "divide", new Variant.parsed ("(@x 1, @x 1)"));
  executor.revive ();
  yield call (executor, "divide", new Variant.parsed ("(@x 1, @x 1)"));
  yield executor.shutdown_async ();
}

int main () {
  Intl.setlocale ();

  var worker = new PPool.Worker ();
  worker.add_function ("divide", divide);
  worker.add_function ("crash", crash);

  int status = 0;
  try {
    if (PPool.Worker.is_spawned ())
      return worker.run ();
  } catch (Error error) {
    return 1;
  }

  var loop = new MainLoop ();
  run.begin ((object, result) => {
    try {
      run.end (result);
    } catch (Error error) {
      printerr ("errors: %s\n", error.message);
      status = 1;
    }
    loop.quit ();
  });
  loop.run ();
  return status;
}
