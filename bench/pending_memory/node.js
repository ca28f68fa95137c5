// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report, rssKb } = require('harness');
const [tasks] = args();

async function body() {
  await new Promise((resolve) => setTimeout(resolve, 3600e3));
}

const before = rssKb();
const start = clock();
const all = [];
for (let i = 0; i < tasks; i++) all.push(body());
const seconds = clock() - start;
report(tasks, seconds, `bytes=${Math.round(((rssKb() - before) * 1024) / tasks)}`);
process.exit(0);
