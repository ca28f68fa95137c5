// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report } = require('harness');
const [messages] = args();

function future() {
  const f = {};
  f.promise = new Promise((resolve) => {
    f.resolve = resolve;
  });
  return f;
}

const slots = [future(), future()];

async function ping() {
  for (let i = 0; i < messages / 2; i++) {
    const answer = future();
    slots[0] = answer;
    slots[1].resolve(i);
    await answer.promise;
  }
}

async function pong() {
  for (let i = 0; i < messages / 2; i++) {
    await slots[1].promise;
    slots[1] = future();
    slots[0].resolve(i);
  }
}

async function main() {
  const start = clock();
  await Promise.all([ping(), pong()]);
  report(messages, clock() - start);
}

main();
