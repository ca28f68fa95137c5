// SPDX-License-Identifier: MIT
'use strict';
const http = require('http');
const { args } = require('harness');
const [port] = args();

http
  .createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 13 });
    response.end('Hello, world!');
  })
  .listen(port, '127.0.0.1');
