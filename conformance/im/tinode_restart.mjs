// Tinode's JavaScript client loses our server and finds it again, at the same address.
//
// The server keeps its state in memory: accounts come from its world and survive, topics, messages
// and tokens do not.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { ALICE, BOB, check, code, connected, done, equal, truth, until, within } from './_tinode.mjs';

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CHAT_')));

async function serve(address) {
  const args = ['serve', '--json', '--tls', 'off', '--listen', address];
  const child = spawn(process.env.CHAT_BIN, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await within(once(createInterface({ input: child.stdout }), 'line'), 'the server', 20000);
  return { child, pbx: JSON.parse(line).pbx };
}

async function stop(server, signal) {
  const ended = once(server.child, 'exit');
  server.child.kill(signal);
  await within(ended, 'the end of the server', 10000);
}

let server = await serve('127.0.0.1:0');
const address = new URL(server.pbx).host;
process.on('exit', () => server.child.kill('SIGKILL'));

const alice = await connected(ALICE, server.pbx);
const bob = await connected(BOB, server.pbx);
let topic;
let token;

// What an application does when the client has found the server again.
async function logIn(tinode, user) {
  const refused = token ? await code(tinode.loginToken(token)) : 401;
  if (refused !== 200) {
    await tinode.loginBasic(user.login, user.password);
  }
  return refused;
}

async function restart(signal) {
  const lost = [alice, bob].map(
    tinode => new Promise(resolve => {
      tinode.onDisconnect = resolve;
    })
  );
  const found = [alice, bob].map(
    tinode => new Promise(resolve => {
      tinode.onConnect = resolve;
    })
  );
  await stop(server, signal);
  await within(Promise.all(lost), 'the loss to be noticed');
  server = await serve(address);
  await within(Promise.all(found), 'the server to be found again', 20000);
}

await check('before: a conversation', async () => {
  await alice.getMeTopic().subscribe(alice.getMeTopic().startMetaQuery().withSub().withDesc().build());
  topic = alice.getTopic(BOB.uid);
  await topic.subscribe(topic.startMetaQuery().withDesc().build());
  const his = bob.getTopic(ALICE.uid);
  await his.subscribe();
  equal((await topic.publish('before', true)).params.seq, 1);
  await until(() => bob.news.data.find(it => it.content === 'before'), 'the message');
  token = alice.getAuthToken().token;
});

await check('a polite end is announced, and the client comes back by itself', async () => {
  alice.news.ctrl.length = 0;
  await restart('SIGTERM');
  const bye = alice.news.ctrl.find(it => it.code === 205);
  equal([bye.text, bye.id], ['server shutdown', undefined]);
  equal(alice.getServerInfo().ver, '0.25');
  truth(!topic.isSubscribed() && !alice.isAuthenticated(), 'nothing is attached any more');
});

await check('the old token is void, the password is not', async () => {
  equal(await logIn(alice, ALICE), 401);
  token = null;
  await logIn(bob, BOB);
  equal([alice.getCurrentUserID(), bob.getCurrentUserID()], [ALICE.uid, BOB.uid]);
});

await check('after: the same two talk again, from the first number', async () => {
  const me = alice.getMeTopic();
  const rows = await me.subscribe(me.startMetaQuery().withDesc().build());
  equal(rows.code, 200);
  equal(await code(topic.subscribe(topic.startMetaQuery().withDesc().build())), 200);
  const his = bob.getTopic(ALICE.uid);
  equal(await code(his.subscribe(his.startMetaQuery().withDesc().build())), 200);
  equal((await alice.publish(BOB.uid, 'after', true)).params.seq, 1);
  await until(() => bob.news.data.find(it => it.content === 'after'), 'the message');
});

await check('a sudden end as well', async () => {
  await restart('SIGKILL');
  await logIn(alice, ALICE);
  await logIn(bob, BOB);
  equal(await code(topic.subscribe()), 200);
  equal((await alice.publish(BOB.uid, 'again', true)).params.seq, 1);
});

alice.disconnect();
bob.disconnect();
await stop(server, 'SIGTERM');
done();
