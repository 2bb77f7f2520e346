// What Tinode's JavaScript client needs outside of a browser, and a checklist.

import { File } from 'node:buffer';
import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.env.CHAT_NODE_PACKAGES}/package.json`);
// The readable build of the same: Node shows the line that threw.
const { Tinode } = require('tinode-sdk/umd/tinode.dev.js');
const WebSocket = require('ws');

export { File, Tinode };

// The users of the built-in world.
export const ALICE = { login: '101', password: 'demo-101', uid: 'usr804252613548777777' };
export const BOB = { login: '102', password: 'demo-102', uid: 'usr804252613548703744' };
export const CAROL = { login: '103', password: 'demo-103', uid: 'usr901636310534455296' };

const CLEAR = '\u2421';
export { CLEAR };

// The part of XMLHttpRequest that the client uses for files.
class XMLHttpRequest {
  static base = '';
  upload = {};
  readyState = 0;
  #headers = {};

  open(method, url) {
    this.method = method;
    this.url = new URL(url, XMLHttpRequest.base);
    this.readyState = 1;
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  abort() {
    this.#request?.destroy();
    this.readyState = 4;
    this.onabort?.();
  }

  #request;

  async send(form) {
    let body = Buffer.alloc(0);
    if (form) {
      const encoded = new Response(form);
      this.#headers['content-type'] = encoded.headers.get('content-type');
      body = Buffer.from(await encoded.arrayBuffer());
      this.#headers['content-length'] = body.length;
    }
    const { request } = this.url.protocol === 'https:' ? https : http;
    const options = { method: this.method, headers: this.#headers };
    this.#request = request(this.url, options, answer => {
      const parts = [];
      answer.on('data', part => parts.push(part));
      answer.on('end', () => {
        const bytes = Buffer.concat(parts);
        this.status = answer.statusCode;
        this.statusText = answer.statusMessage;
        this.headers = answer.headers;
        this.response = this.responseType === 'blob' ? new Blob([bytes]) : bytes.toString();
        this.readyState = 4;
        this.upload.onprogress?.({ lengthComputable: true, loaded: body.length, total: body.length });
        this.onload?.();
      });
    });
    this.#request.on('error', error => this.onerror?.(error));
    this.#request.end(body);
  }
}

// The client saves a download through the page; here the page is this variable.
export const saved = [];
const link = () => ({ style: {}, setAttribute() {}, click() {} });
globalThis.document = {
  createElement: link,
  body: { appendChild() {}, removeChild() {} },
};
globalThis.window = {
  get location() {
    return { origin: XMLHttpRequest.base };
  },
  URL: {
    createObjectURL(blob) {
      saved.push(blob);
      return 'blob:saved';
    },
    revokeObjectURL() {},
  },
};
globalThis.FileReader = class {
  async readAsText(blob) {
    this.result = await blob.text();
    this.onload?.();
  }
};

// Without persistence the client only ever asks to delete its database.
const indexedDB = {
  deleteDatabase() {
    const request = {};
    setTimeout(() => request.onsuccess?.());
    return request;
  },
};

Tinode.setNetworkProviders(WebSocket, XMLHttpRequest);
Tinode.setDatabaseProvider(indexedDB);

// A client, not connected yet. It keeps what it got: `news` by kind.
export function client(address = process.env.CHAT_PBX, options = {}) {
  const url = new URL(address);
  XMLHttpRequest.base = url.origin;
  const tinode = new Tinode({
    appName: 'conformance',
    host: url.host,
    apiKey: 'AQAAAAABAAAS',
    transport: 'ws',
    secure: url.protocol === 'https:',
    persist: false,
    ...options,
  });
  if (process.env.VERBOSE) {
    tinode.enableLogging(true, true);
  }
  tinode.news = { data: [], pres: [], info: [], ctrl: [], meta: [] };
  tinode.onDataMessage = it => tinode.news.data.push(it);
  tinode.onPresMessage = it => tinode.news.pres.push(it);
  tinode.onInfoMessage = it => tinode.news.info.push(it);
  tinode.onCtrlMessage = it => tinode.news.ctrl.push(it);
  tinode.onMetaMessage = it => tinode.news.meta.push(it);
  return tinode;
}

// Connected, shaken hands and logged in.
export async function connected(user, address, options) {
  const tinode = client(address, options);
  const greeted = new Promise(resolve => {
    tinode.onConnect = resolve;
  });
  await tinode.connect();
  await within(greeted, 'the handshake');
  await tinode.loginBasic(user.login, user.password);
  return tinode;
}

// Our own client: what it says is kept as lines.
export function peer(flavor, user) {
  const args = [flavor, process.env.CHAT_PBX, user.login, user.password];
  if (process.env.CHAT_CA) {
    args.push(process.env.CHAT_CA);
  }
  const child = spawn(process.env.CHAT_PEER, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = [];
  createInterface({ input: child.stdout }).on('line', line => lines.push(line));
  return {
    lines,
    tell: line => child.stdin.write(`${line}\n`),
    said: (start, what) => until(() => lines.find(line => line.startsWith(start)), what ?? start),
    ended: new Promise(resolve => child.on('exit', resolve)),
  };
}

export const sleep = millis => new Promise(resolve => setTimeout(resolve, millis));

// Waits until `ready` gives something, and gives it.
export async function until(ready, what, millis = 5000) {
  const end = Date.now() + millis;
  for (;;) {
    const found = ready();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await sleep(5);
  }
}

export function within(promise, what, millis = 5000) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`waited in vain for ${what}`)), millis).unref();
  });
  return Promise.race([promise, late]);
}

// The code with which a request was refused.
export async function code(promise) {
  try {
    const ctrl = await promise;
    return ctrl?.code ?? 200;
  } catch (error) {
    return error.code ?? error.message;
  }
}

export function equal(actual, expected, what = 'value') {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) {
    throw new Error(`${what}: expected ${other}, got ${one}`);
  }
}

export function truth(value, what) {
  if (!value) {
    throw new Error(what);
  }
}

let failed = 0;

export async function check(what, body) {
  try {
    await body();
    console.log(`ok ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${what}: ${error.stack?.split('\n').slice(0, 3).join(' | ') ?? error}`);
  }
}

export function done() {
  process.exit(failed ? 1 : 0);
}

// The client tells of receipt, and asks for what changed, a moment later and on its own; when the
// socket is closing by then, that throws or is rejected with nobody to catch it. A browser only logs
// that.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, error => {
    if (!/not connected|disconnected/i.test(error?.message)) {
      console.log(`FAIL ${event}: ${error?.stack ?? error}`);
      process.exit(1);
    }
  });
}
