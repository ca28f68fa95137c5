// SPDX-License-Identifier: MIT
'use strict';
const net = require('net');
const { args, clock, report } = require('harness');
const [port, expected] = args();

let rest = '';
let count = 0;
let start;

const socket = net.connect(port, '127.0.0.1', () => {
  start = clock();
});
socket.setEncoding('latin1');
socket.on('data', (data) => {
  const lines = (rest + data).split('\n');
  rest = lines.pop();
  for (const line of lines) if (line.length > 0) count++;
});
socket.on('end', () => {
  if (count !== expected) throw new Error('lines are missing');
  report(count, clock() - start);
});
