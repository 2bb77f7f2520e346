// Tinode's client for JavaScript, on `ws`: a flood into a topic. Prints nanoseconds a message.

import { createRequire } from 'node:module';

const require = createRequire(`${process.env.CHAT_NODE_PACKAGES}/package.json`);
const { Tinode } = require('tinode-sdk/umd/tinode.prod.js');
const WebSocket = require('ws');

const [server, order, count] = process.argv.slice(2);
// It asks for one, and does nothing with it before a file is sent.
class XMLHttpRequest {}
// Without persistence it only ever asks to delete its database.
const indexedDB = {
  deleteDatabase() {
    const request = {};
    setTimeout(() => request.onsuccess?.());
    return request;
  },
};
Tinode.setNetworkProviders(WebSocket, XMLHttpRequest);
Tinode.setDatabaseProvider(indexedDB);
const client = new Tinode({
  appName: 'bench', host: server, apiKey: order, transport: 'ws', secure: false, persist: false,
});
await client.connect();
await client.loginBasic('101', 'token');
const topic = client.getTopic('grpAbCdEfGhIjK');
let seen = 0;
let started;
topic.onData = message => {
  if (!message) {
    return;
  }
  seen += 1;
  if (seen === 1) {
    started = process.hrtime.bigint();
  } else if (seen === Number(count)) {
    console.log(Number(process.hrtime.bigint() - started) / (count - 1));
    process.exit(0);
  }
};
await topic.subscribe();
await topic.getMeta(topic.startMetaQuery().withDesc().build());
