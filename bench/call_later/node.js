// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report, delays } = require('harness');
const [timers, seconds] = args();
const delay = delays();
let left = timers;
const start = clock();

function fire() {
  if (--left === 0) report(timers, clock() - start);
}

for (let i = 0; i < timers; i++) setTimeout(fire, delay() * seconds * 1000);
