// SPDX-License-Identifier: MIT
// What the JavaScript programs share.
'use strict';
const fs = require('fs');

function statusKb(field) {
  try {
    const text = fs.readFileSync('/proc/self/status', 'utf8');
    return Number(text.match(new RegExp(field + ':\\s*(\\d+)'))[1]);
  } catch (_) {
    return 0;
  }
}

module.exports = {
  args: () => process.argv.slice(2).map((a) => (isNaN(a) ? a : Number(a))),

  // Seconds of CPU, those of the collector's and compiler's threads included.
  clock: () => {
    const usage = process.cpuUsage();
    return (usage.user + usage.system) / 1e6;
  },

  rssKb: () => statusKb('VmRSS'),

  // The delays of limit/delays.h.
  delays: () => {
    let seed = 42;
    return () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
  },

  report: (ops, seconds, more) => {
    const ns = ((seconds * 1e9) / ops).toFixed(1);
    console.log(`ns_per_op=${ns} ops=${ops} rss_kb=${statusKb('VmHWM')}${more ? ' ' + more : ''}`);
  },
};
