// Tinode's JavaScript client against our server: everything but the loss of the server.

import {
  ALICE, BOB, CAROL, CLEAR, File, Tinode, check, client, code, connected, done, equal, peer, saved, sleep,
  truth, until, within,
} from './_tinode.mjs';

const texts = topic => {
  const found = [];
  topic.messages(it => found.push(it.content));
  return found;
};
const contents = (tinode, topic) =>
  tinode.news.data.filter(it => it.topic === topic).map(it => it.content);

// As an application does: shown at once, then sent.
const send = (topic, content) => topic.publishDraft(topic.createMessage(content, true));

let alice;
let bob;

await check('connect and say hello', async () => {
  const tinode = client();
  const greeted = new Promise(resolve => {
    tinode.onConnect = resolve;
  });
  await tinode.connect();
  await within(greeted, 'the handshake');
  const server = tinode.getServerInfo();
  equal(server.ver, '0.25');
  truth(server.build && server.maxMessageSize > 0 && server.maxFileUploadSize > 0, 'limits');
  truth(server.maxSubscriberCount > 0 && server.maxTagCount > 0, 'more limits');
  equal(await code(tinode.loginBasic('101', 'wrong')), 401, 'wrong password');
  equal(await code(tinode.login('magic', 'eA==')), 401, 'unknown scheme');
  equal(await code(tinode.createAccountBasic('new', 'secret', { public: { fn: 'N' } })), 403);
  equal(await code(tinode.loginBasic(ALICE.login, ALICE.password)), 200);
  equal(tinode.getCurrentUserID(), ALICE.uid);
  truth(tinode.getAuthToken().expires.getTime() > Date.now(), 'the token lives');
  equal(await code(tinode.loginBasic(ALICE.login, ALICE.password)), 409, 'twice');
  // The token logs in on its own.
  const other = client();
  const again = new Promise(resolve => {
    other.onConnect = resolve;
  });
  await other.connect();
  await again;
  equal(await code(other.loginToken(tinode.getAuthToken().token)), 200, 'token');
  equal(other.getCurrentUserID(), ALICE.uid);
  tinode.disconnect();
  other.disconnect();
});

await check('the probe', async () => {
  const tinode = await connected(ALICE);
  const answered = new Promise(resolve => {
    tinode.onNetworkProbe = () => resolve(true);
  });
  tinode.networkProbe();
  await within(answered, 'the answer to the probe');
  tinode.disconnect();
});

await check('me with desc, sub, tags and cred', async () => {
  alice = await connected(ALICE);
  bob = await connected(BOB);
  const me = alice.getMeTopic();
  const query = me.startMetaQuery().withLaterSub().withDesc().withTags().withCred().build();
  equal(await code(me.subscribe(query)), 200);
  await until(() => me.public, 'the description');
  equal(me.public, { fn: 'Alice' });
  equal(me.getDefaultAccess().auth, 'JRWPAS');
  equal(me.getAccessMode().getMode(), 'JPS');
  truth(me.created instanceof Date && me.updated instanceof Date, 'times are read as times');
  equal(me.tags(), []);
  equal(me.getCredentials(), []);
  await bob.getMeTopic().subscribe(bob.getMeTopic().startMetaQuery().withSub().withDesc().build());
});

await check('change me', async () => {
  const me = alice.getMeTopic();
  equal(await code(me.setMeta({ desc: { public: { fn: 'Alice', note: 'hi' } } })), 200);
  equal(me.public, { fn: 'Alice', note: 'hi' });
  equal(await code(me.setMeta({ desc: { public: { note: CLEAR } } })), 200);
  equal(await code(me.setMeta({ desc: { private: { theme: 'dark' } } })), 200);
  equal(await code(me.setMeta({ tags: ['travel', 'alias:alice'] })), 200);
  const meta = await me.getMeta(me.startMetaQuery().withTags().build());
  equal([...meta.tags].sort(), ['alias:alice', 'travel']);
  await me.getMeta(me.startMetaQuery().withDesc().build());
  await until(() => !me.public.note, 'the note to be gone');
  equal([me.public, me.private], [{ fn: 'Alice' }, { theme: 'dark' }]);
  equal(await code(me.setMeta({ cred: { meth: 'email', val: 'a@example.com' } })), 501, 'cred');
});

await check('P2P both ways, with the contact list', async () => {
  const topic = alice.getTopic(BOB.uid);
  equal(await code(topic.subscribe(topic.startMetaQuery().withDesc().withSub().build())), 200);
  await until(() => topic.public, "the peer's description");
  equal(topic.public, { fn: 'Bob' });
  equal(topic.getAccessMode().getMode(), 'JRWPA');
  // Bob is on `me` only: the topic appears among his contacts, with the message counted.
  await until(() => bob.news.pres.find(it => it.what === 'acs' && it.src === ALICE.uid), 'acs');
  const sent = await send(topic, 'hello Bob');
  equal([sent.code, sent.params.seq], [202, 1]);
  await until(() => bob.news.pres.find(it => it.what === 'msg' && it.seq === 1), 'msg');
  const contact = await until(() => bob.getMeTopic().getContact(ALICE.uid), 'the contact');
  await until(() => contact.public, "the contact's name");
  equal([contact.public.fn, contact.seq, contact.unread], ['Alice', 1, 1]);
  // He opens it.
  const his = bob.getTopic(ALICE.uid);
  const query = his.startMetaQuery().withLaterDesc().withLaterSub().withLaterData(24).withLaterDel();
  equal(await code(his.subscribe(query.build())), 200);
  await until(() => texts(his).includes('hello Bob'), 'history');
  await send(his, 'hello Alice');
  await until(() => contents(alice, BOB.uid).includes('hello Alice'), 'the answer');
  equal(texts(topic), ['hello Bob', 'hello Alice']);
  const data = alice.news.data.at(-1);
  truth(data.ts instanceof Date, 'the time of a message is read as a time');
  equal([data.from, data.seq, data.topic], [BOB.uid, 2, BOB.uid]);
});

await check('the echo, and rich text', async () => {
  const topic = alice.getTopic(BOB.uid);
  const rich = Tinode.Drafty?.parse?.('*bold* text') ?? { txt: 'bold text', fmt: [{ len: 4, tp: 'ST' }] };
  const sent = await topic.publish(rich, false);
  await until(() => alice.news.data.find(it => it.seq === sent.params.seq), 'the echo');
  const his = await until(() => bob.news.data.find(it => it.seq === sent.params.seq), 'the copy');
  equal([his.content.txt, his.head.mime], ['bold text', 'text/x-drafty']);
});

await check('receipts and typing', async () => {
  const topic = alice.getTopic(BOB.uid);
  const his = bob.getTopic(ALICE.uid);
  his.noteRead();
  await until(() => alice.news.info.find(it => it.what === 'read' && it.seq === 3), 'read');
  equal([topic.msgReadCount(3), topic.msgRecvCount(3)], [1, 0]);
  his.noteKeyPress();
  const typing = await until(() => alice.news.info.find(it => it.what === 'kp'), 'typing');
  equal([typing.topic, typing.from], [BOB.uid, BOB.uid]);
  // The client tells by itself that it has received.
  await send(topic, 'received?');
  await until(() => alice.news.info.find(it => it.what === 'recv' && it.seq === 4), 'recv');
  equal(topic.msgRecvCount(4), 1);
});

let group;
let name;

await check('a group both ways', async () => {
  group = alice.getTopic(alice.newGroupTopicName());
  const desc = { public: { fn: 'Climbers' }, private: { comment: 'mine' } };
  const created = await group.subscribe(group.startMetaQuery().withDesc().withSub().withTags().build(), {
    desc,
    tags: ['climbing'],
  });
  name = created.topic;
  equal([created.code, name.slice(0, 3), name.length, group.name], [200, 'grp', 14, name]);
  equal(group.getAccessMode().getMode(), 'JRWPASDO');
  await until(() => group.tags().length === 1, 'the tags given at creation');
  equal(await code(group.invite(BOB.uid)), 200);
  const pres = await until(
    () => bob.news.pres.find(it => it.what === 'acs' && it.src === name),
    'the invitation'
  );
  equal(pres.act, ALICE.uid);
  const his = bob.getTopic(name);
  await his.subscribe(his.startMetaQuery().withDesc().withSub().withData().build());
  await until(() => his.public && his.subscriber(ALICE.uid), 'the description');
  equal([his.public, his.private], [{ fn: 'Climbers' }, null]);
  equal(his.getAccessMode().getMode(), 'JRWPS');
  await until(() => group.subscriber(BOB.uid), 'the new member');
  await send(group, 'welcome');
  await until(() => contents(bob, name).includes('welcome'), 'the message');
  await send(his, 'thanks');
  await until(() => contents(alice, name).includes('thanks'), 'the answer');
  equal(await code(his.setMeta({ desc: { public: { fn: 'Mine' } } })), 403, 'a member');
});

for (const flavor of ['portsip', 'tinode']) {
  await check(`our client joins and writes, ${flavor}`, async () => {
    const carol = peer(flavor, CAROL);
    await carol.said('ready');
    carol.tell(`subscribe ${name}`);
    await carol.said(`subscribed ${name}`);
    const sent = await send(group, `hello ${flavor}`);
    await carol.said(`message ${name} ${ALICE.uid} ${sent.params.seq} "hello ${flavor}"`);
    // It reads what it gets.
    const read = it => it.what === 'read' && it.from === CAROL.uid && it.seq === sent.params.seq;
    await until(() => alice.news.info.find(read), 'the receipt');
    carol.tell(`publish ${name} from ${flavor}`);
    await carol.said(`published ${name} ${sent.params.seq + 1}`);
    await until(() => contents(alice, name).includes(`from ${flavor}`), 'its message');
    carol.tell(`typing ${name}`);
    await until(() => alice.news.info.find(it => it.what === 'kp' && it.from === CAROL.uid), 'typing');
    // The same between two.
    carol.tell(`subscribe ${ALICE.uid}`);
    await carol.said(`subscribed ${ALICE.uid}`);
    carol.tell(`publish ${ALICE.uid} between us, ${flavor}`);
    const topic = alice.getTopic(CAROL.uid);
    await topic.subscribe(topic.startMetaQuery().withDesc().withData().build());
    await until(() => texts(topic).includes(`between us, ${flavor}`), 'the message between two');
    await send(topic, `and back, ${flavor}`);
    await until(() => carol.lines.find(line => line.endsWith(`"and back, ${flavor}"`)), 'the answer');
    await topic.leave();
    carol.tell('quit');
    equal(await within(carol.ended, 'its end'), 0);
  });
}

await check('history in pages', async () => {
  for (let i = 1; i <= 30; i += 1) {
    await send(group, `m${i}`);
  }
  const later = await connected(BOB);
  const topic = later.getTopic(name);
  await topic.subscribe(topic.startMetaQuery().withData(undefined, undefined, 12).build());
  await until(() => texts(topic).length === 12, 'the first page');
  equal(texts(topic).at(-1), 'm30');
  let before = topic.minMsgSeq();
  while (before > 1) {
    await topic.getMessagesPage(12, null, undefined, before);
    await until(() => topic.minMsgSeq() < before, 'an earlier page');
    before = topic.minMsgSeq();
  }
  equal(topic.messageCount(), topic.maxMsgSeq(), 'messages without a hole');
  const ranges = topic.startMetaQuery().withDataRanges([{ low: 2, hi: 4 }, { low: 6 }]).build();
  later.news.data.length = 0;
  await topic.getMeta(ranges);
  await until(() => later.news.data.length === 3, 'the ranges');
  equal(later.news.data.map(it => it.seq), [6, 3, 2]);
  later.disconnect();
});

await check('delete for oneself and for all', async () => {
  const his = bob.getTopic(name);
  await until(() => his.maxMsgSeq() === group.maxMsgSeq(), 'everything to arrive');
  const last = group.maxMsgSeq();
  const soft = await his.delMessages([{ low: last, hi: last + 1 }], false);
  equal(soft.params.del, 1);
  truth(group.findMessage(last), 'it is there for the others');
  const hard = await group.delMessages([{ low: last - 3, hi: last - 1 }], true);
  equal(hard.params.del, 2);
  await until(() => bob.news.pres.find(it => it.what === 'del' && it.clear === 2), 'the news');
  const isGone = seq => !his.findMessage(seq) || his.findMessage(seq)._deleted;
  await until(() => isGone(last - 3) && isGone(last - 2), 'them to go');
  truth(his.findMessage(last - 1), 'the next one stays');
  const meta = await his.getMeta(his.startMetaQuery().withDel(1).build());
  equal(meta.del, { clear: 2, delseq: [{ low: last - 3, hi: last - 1 }, { low: last }] });
});

await check('access: a member is muted and banned, and comes back', async () => {
  equal(await code(group.updateMode(BOB.uid, 'JR')), 200);
  const his = bob.getTopic(name);
  await until(() => his.getAccessMode().getMode() === 'JR', 'less access');
  equal(await code(bob.publish(name, 'no')), 403, 'publishing without W');
  equal(await code(group.updateMode(BOB.uid, 'JRWPS')), 200);
  await until(() => his.getAccessMode().isWriter(), 'access again');
  equal(await code(group.updateMode(BOB.uid, 'N')), 200);
  await until(() => !his.isSubscribed(), 'the eviction');
  equal(await code(bob.subscribe(name)), 403, 'joining while banned');
  equal(await code(group.updateMode(BOB.uid, 'JRWPS')), 200);
  equal(await code(his.subscribe(his.startMetaQuery().withDesc().withSub().build())), 200);
});

await check('the group gets another owner', async () => {
  const his = bob.getTopic(name);
  equal(await code(group.setMeta({ sub: { user: BOB.uid, mode: 'JRWPASDO' } })), 200);
  await until(() => his.getAccessMode().getGiven() === 'JRWPASDO', 'the offer');
  truth(group.getAccessMode().isOwner(), 'the owner stays until it is accepted');
  equal(await code(his.setMeta({ sub: { mode: 'JRWPASDO' } })), 200);
  await until(() => !group.getAccessMode().isOwner(), 'the former owner to know');
  equal(group.getAccessMode().getMode(), 'JRWPASD');
  truth(his.getAccessMode().isOwner(), 'the new owner');
  equal(await code(group.setMeta({ desc: { public: { fn: 'x' } } })), 403, 'the former owner');
  equal(await code(his.setMeta({ desc: { public: { fn: 'Boulderers' } } })), 200);
  await until(() => alice.news.pres.find(it => it.what === 'upd' && it.src === name), 'upd');
  await until(() => group.public.fn === 'Boulderers', 'the new name');
});

await check('search', async () => {
  const fnd = bob.getFndTopic();
  equal(await code(fnd.subscribe(fnd.startMetaQuery().withSub().build())), 200);
  await fnd.setMeta({ desc: { public: 'travel' } });
  await fnd.getMeta(fnd.startMetaQuery().withSub().build());
  const found = [];
  await until(() => {
    found.length = 0;
    fnd.contacts(it => found.push(it));
    return found.length;
  }, 'a result');
  equal(found.map(it => [it.user, it.public.fn, it.private]), [[ALICE.uid, 'Alice', ['travel']]]);
  equal(await fnd.checkTagUniqueness('alias:alice', ALICE.uid), false, 'a tag that is taken');
  equal(await fnd.checkTagUniqueness('alias:nobody', ALICE.uid), true, 'a tag that is free');
  await fnd.leave();
});

await check('presence on and off', async () => {
  const seen = (what, src) => it => it.topic === 'me' && it.what === what && it.src === src;
  const contact = bob.getMeTopic().getContact(ALICE.uid);
  truth(contact.online, 'she is online');
  bob.news.pres.length = 0;
  alice.disconnect();
  await until(() => bob.news.pres.find(seen('off', ALICE.uid)), 'off', 8000);
  truth(!contact.online && contact.seen.when instanceof Date, 'she is away');
  const meta = await bob.getMeTopic().getMeta(bob.getMeTopic().startMetaQuery().withSub().build());
  const row = meta.sub.find(it => it.topic === ALICE.uid);
  truth(row.seen.when instanceof Date, 'since when');
  alice = await connected(ALICE);
  await alice.getMeTopic().subscribe(alice.getMeTopic().startMetaQuery().withSub().build());
  const on = await until(() => bob.news.pres.find(seen('on', ALICE.uid)), 'on');
  truth(on.ua.startsWith('conformance'), `what she uses: ${on.ua}`);
  await until(() => contact.online, 'her to be online');
});

await check('upload and download through the large-file helper', async () => {
  const bytes = new Uint8Array(300_000).map((_, i) => (i * 7919) & 255);
  const file = new File([bytes], 'plan.png', { type: 'image/png' });
  let progress = 0;
  const helper = alice.getLargeFileHelper();
  const url = await helper.upload(file, undefined, it => {
    progress = it;
  });
  truth(/^\/v0\/file\/s\/[\w-]+\.png$/.test(url), `the address: ${url}`);
  equal(progress, 1);
  // It is sent along as an attachment, and fetched by the one who gets it.
  const topic = alice.getTopic(BOB.uid);
  await topic.subscribe();
  const content = {
    txt: ' ',
    fmt: [{ at: -1, len: 0, key: 0 }],
    ent: [{ tp: 'EX', data: { mime: 'image/png', name: 'plan.png', ref: url, size: bytes.length } }],
  };
  await send(topic, content);
  const his = await until(() => bob.news.data.find(it => it.content?.ent), 'the message');
  saved.length = 0;
  await bob.getLargeFileHelper().download(his.content.ent[0].data.ref, 'plan.png', 'image/png');
  equal(Buffer.compare(Buffer.from(await saved[0].arrayBuffer()), Buffer.from(bytes)), 0, 'bytes');
  const missing = bob.getLargeFileHelper().download('/v0/file/s/nothing.png', 'x', 'image/png');
  equal(await code(missing), 404, 'a file there is not');
  const stranger = bob.getLargeFileHelper();
  stranger._authToken = { token: 'AAAA' };
  truth([400, 401].includes(await code(stranger.upload(file))), 'an upload without a good token');
});

await check('an avatar', async () => {
  const helper = alice.getLargeFileHelper();
  const url = await helper.upload(new File(['x'], 'me.jpg', { type: 'image/jpeg' }), 'me');
  const me = alice.getMeTopic();
  const desc = { public: { fn: 'Alice', photo: { type: 'jpg', ref: url } } };
  equal(await code(me.setMeta({ desc, attachments: [url] })), 200);
});

await check('leave, remove and delete', async () => {
  const his = bob.getTopic(name);
  const hers = alice.getTopic(name);
  await hers.subscribe(hers.startMetaQuery().withDesc().build());
  equal(await code(his.leave(true)), 403, 'the owner leaves for good');
  equal(await code(his.delSubscription(ALICE.uid)), 200);
  await until(() => !hers.isSubscribed(), 'her eviction');
  await until(() => alice.news.pres.find(it => it.what === 'gone' && it.src === name), 'gone');
  equal(await code(his.invite(ALICE.uid)), 200);
  const again = alice.getTopic(name);
  equal(await code(again.subscribe(again.startMetaQuery().withDesc().build())), 200);
  alice.news.pres.length = 0;
  equal(await code(his.delTopic(true)), 200);
  await until(() => alice.news.pres.find(it => it.what === 'gone' && it.src === name), 'gone');
  equal(await code(alice.subscribe(name)), 404, 'a group that is gone');
  const two = bob.getTopic(ALICE.uid);
  equal(await code(two.leave()), 200);
  await sleep(0);
});

alice.disconnect();
bob.disconnect();
done();
