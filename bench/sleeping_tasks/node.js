// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report, delays } = require('harness');
const [tasks, seconds] = args();

async function body(ms) {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function main() {
  const delay = delays();
  const all = [];
  const start = clock();
  for (let i = 0; i < tasks; i++) all.push(body(delay() * seconds * 1000));
  await Promise.all(all);
  report(tasks, clock() - start);
}

main();
