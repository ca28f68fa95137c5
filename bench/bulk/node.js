// SPDX-License-Identifier: MIT
'use strict';
const net = require('net');
const { args, clock, report } = require('harness');
const [port, mebibytes, style] = args();

let total = 0;
let start;

function take(data) {
  total += data.length;
}

// With a buffer of ours, node reads into the same memory again and again.
const buffer = Buffer.alloc(262144);
const onread = {
  buffer,
  callback: (n) => {
    if (buffer.subarray(0, n).indexOf(10) >= 0) throw new Error('an end of line');
    total += n;
    return true;
  },
};

const where = { port, host: '127.0.0.1' };
const socket = net.connect(style === 'strings' ? where : { ...where, onread }, () => {
  start = clock();
});
if (style === 'strings') socket.on('data', take);
socket.on('end', () => {
  if (total !== mebibytes * 1048576) throw new Error('bytes are missing');
  report(mebibytes, clock() - start);
});
