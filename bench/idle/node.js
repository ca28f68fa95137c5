// SPDX-License-Identifier: MIT
'use strict';
const net = require('net');
const { args } = require('harness');
const [port] = args();

net
  .createServer({ noDelay: true }, (socket) => {
    socket.on('data', (data) => {
      if (data.toString() === 'count\n' && global.gc) global.gc();
      socket.write(data);
    });
  })
  .listen(port, '127.0.0.1');
