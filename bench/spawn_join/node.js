// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report } = require('harness');
const [tasks, size] = args();

async function body(x) {
  return x;
}

async function main() {
  const rounds = Math.floor(tasks / size);
  const start = clock();
  for (let r = 0; r < rounds; r++) {
    const all = [];
    for (let i = 0; i < size; i++) all.push(body(i));
    if ((await Promise.all(all))[size - 1] !== size - 1) throw new Error('lost');
  }
  report(rounds * size, clock() - start);
}

main();
