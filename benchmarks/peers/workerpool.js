// SPDX-FileCopyrightText: 2026 The PPool-GLib authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Measures the package workerpool of npm, in its process mode.
//
// workerpool.js ROW [KEY=VALUE...]: prints one JSON object. The package is looked for in
// the folder that NODE_PATH names.

'use strict';

const workerpool = require('workerpool');

const [row, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map(arg => {
  const [key, value] = arg.split('=');
  return [key, Number(value)];
}));

const now = () => Number(process.hrtime.bigint()) / 1e3;

function newPool(maxWorkers) {
  return workerpool.pool(`${__dirname}/workerpool-worker.js`,
    {workerType: 'process', maxWorkers, minWorkers: maxWorkers});
}

function submitMany(pool, n) {
  return Promise.all(Array.from({length: n}, (_, i) => pool.exec('echo', [['some text', i]])));
}

// Starts the workers, and returns how many calls a second there can be.
async function warmUp(pool) {
  await submitMany(pool, 200);
  const start = now();
  await submitMany(pool, 500);
  return 500 / (now() - start) * 1e6;
}

async function rowSubmit(pool, {seconds = 1}) {
  const rate = await warmUp(pool);
  const n = Math.round(Math.min(Math.max(rate * seconds, 200), 200000));
  const start = now();
  await submitMany(pool, n);
  return {calls: n, rate: n / (now() - start) * 1e6};
}

async function rowCall(pool, {calls = 1000}) {
  await warmUp(pool);
  const start = now();
  for (let i = 0; i < calls; i++)
    await pool.exec('echo', [i]);
  return {usec: (now() - start) / calls};
}

// Messages of this mode are JSON, in which bytes are a string.
async function rowEcho(pool, {size = 1 << 20, seconds = 0.5}) {
  await warmUp(pool);
  const data = 'a'.repeat(size);
  let start = now();
  let n = -2;
  for (; n < 2 || now() - start < seconds * 1e6; n++) {
    if (n === 0)
      start = now();
    if ((await pool.exec('echo', [data])).length !== size)
      throw new Error('Another size came back');
  }
  const usec = (now() - start) / n;
  return {usec, gbytes: 2 * size / usec / 1e3};
}

async function rowStart({starts = 5}) {
  const times = [];
  for (let i = -1; i < starts; i++) {
    const start = now();
    const pool = newPool(1);
    await pool.exec('echo', [1]);
    if (i >= 0)
      times.push(now() - start);
    await pool.terminate();
  }
  times.sort((a, b) => a - b);
  return {ms: times[Math.floor(times.length / 2)] / 1e3};
}

async function main() {
  const rows = {submit: rowSubmit, call: rowCall, echo: rowEcho};
  let result;

  if (row === 'start') {
    result = await rowStart(options);
  } else {
    const pool = newPool(2);
    result = await rows[row](pool, options);
    await pool.terminate();
  }
  console.log(JSON.stringify(result));
}

main().catch(error => {
  console.log(JSON.stringify({failed: String(error.message).split('\n')[0]}));
});
