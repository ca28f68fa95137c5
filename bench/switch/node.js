// SPDX-License-Identifier: MIT
// setImmediate is the turn that lets the loop poll, as sleep(0) does.
'use strict';
const { args, clock, report } = require('harness');
const [tasks, ops] = args();
const turns = Math.floor(ops / tasks);
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function body() {
  for (let i = 0; i < turns; i++) await turn();
}

async function main() {
  const all = [];
  for (let i = 0; i < tasks; i++) all.push(body());
  await turn();
  const start = clock();
  await Promise.all(all);
  report(turns * tasks, clock() - start);
}

main();
