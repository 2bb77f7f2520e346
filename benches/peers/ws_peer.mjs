// Node's `ws`: a flood read with JSON.parse. Prints nanoseconds a message.

import { createRequire } from 'node:module';

const require = createRequire(`${process.env.CHAT_NODE_PACKAGES}/package.json`);
const WebSocket = require('ws');

const [server, order, count] = process.argv.slice(2);
const opening = process.env.CHAT_OPENING.split('\n');
const socket = new WebSocket(`ws://${server}/${order}/im`, { perMessageDeflate: false });
let seen = 0;
let started;
socket.on('error', error => { throw error; });
socket.on('open', () => socket.send(opening.shift()));
socket.on('message', text => {
  const frame = JSON.parse(text.toString());
  if (!frame.data) {
    if (opening.length > 0) {
      socket.send(opening.shift());
    }
    return;
  }
  seen += 1;
  if (seen === 1) {
    started = process.hrtime.bigint();
  } else if (seen === Number(count)) {
    console.log(Number(process.hrtime.bigint() - started) / (count - 1));
    socket.close();
  }
});
