// SPDX-License-Identifier: MIT
'use strict';
const { args, clock, report } = require('harness');
const [messages] = args();

// A queue of promises: who waits is in line.
class Queue {
  constructor(size) {
    this.size = size;
    this.items = [];
    this.getters = [];
    this.putters = [];
  }

  async put(item) {
    while (this.items.length >= this.size) {
      await new Promise((resolve) => this.putters.push(resolve));
    }
    this.items.push(item);
    const getter = this.getters.shift();
    if (getter) getter();
  }

  async get() {
    while (this.items.length === 0) {
      await new Promise((resolve) => this.getters.push(resolve));
    }
    const item = this.items.shift();
    const putter = this.putters.shift();
    if (putter) putter();
    return item;
  }
}

async function main() {
  const queue = new Queue(1);

  async function producer() {
    for (let i = 0; i < messages; i++) await queue.put(i);
  }

  async function consumer() {
    for (let i = 0; i < messages; i++) await queue.get();
  }

  const start = clock();
  await Promise.all([producer(), consumer()]);
  report(messages, clock() - start);
}

main();
