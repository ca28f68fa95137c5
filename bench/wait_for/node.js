// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report } = require('harness');
const [ops, what] = args();

async function body() {
  return 1;
}

function waitFor(promise, seconds) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(reject, seconds * 1000);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

async function main() {
  const done = body();
  await done;
  const start = clock();
  for (let i = 0; i < ops; i++) await waitFor(what === 'done' ? done : body(), 10);
  report(ops, clock() - start);
}

main();
