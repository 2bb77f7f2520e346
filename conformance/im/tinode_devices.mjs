// Tinode's JavaScript client against our server: several devices, what a user keeps for themself,
// and what is asked for in numbers.

import {
  ALICE, BOB, CAROL, check, code, connected, done, equal, sleep, truth, until, within,
} from './_tinode.mjs';

const texts = topic => {
  const found = [];
  topic.messages(it => found.push(it.content));
  return found;
};
const send = (topic, content) => topic.publishDraft(topic.createMessage(content, true));

async function device(user) {
  const tinode = await connected(user);
  const me = tinode.getMeTopic();
  const query = me.startMetaQuery().withSub().withDesc().withTags().withCred().build();
  await me.subscribe(query);
  return tinode;
}

const phone = await device(ALICE);
const laptop = await device(ALICE);
const bob = await device(BOB);
let topic;

await check('what one device sends the other one has', async () => {
  topic = phone.getTopic(BOB.uid);
  await topic.subscribe(topic.startMetaQuery().withDesc().withSub().build());
  await until(() => laptop.getMeTopic().getContact(BOB.uid), 'the contact on the other device');
  const same = laptop.getTopic(BOB.uid);
  await same.subscribe(same.startMetaQuery().withDesc().withSub().withData().build());
  await send(topic, 'from the phone');
  await until(() => texts(same).includes('from the phone'), 'the copy');
  equal(texts(topic), ['from the phone'], 'no second copy');
  // One's own words are read by oneself.
  equal([same.unread, topic.unread], [0, 0]);
});

await check('what is read on one device is read on the other', async () => {
  const his = bob.getTopic(ALICE.uid);
  await his.subscribe(his.startMetaQuery().withDesc().withData().build());
  const same = laptop.getTopic(BOB.uid);
  await same.leave();
  await send(his, 'one');
  await send(his, 'two');
  const contact = laptop.getMeTopic().getContact(BOB.uid);
  await until(() => contact.unread === 2, 'two unread');
  await until(() => topic.maxMsgSeq() === 3, 'both messages');
  topic.noteRead();
  await until(() => contact.unread === 0, 'none unread');
  await until(() => bob.news.info.find(it => it.what === 'read' && it.seq === 3), 'the receipt');
  // A device that was away gets it from the list.
  const tablet = await device(ALICE);
  const row = await until(() => tablet.getMeTopic().getContact(BOB.uid), 'the row');
  equal([row.seq, row.read, row.recv, row.unread], [3, 3, 3, 0]);
  tablet.disconnect();
});

await check('private notes, pins and the archive', async () => {
  equal(await code(topic.archive(true)), 200);
  truth(topic.isArchived(), 'archived');
  await until(() => laptop.getMeTopic().isArchived(BOB.uid), 'the other device to know');
  // The client merges what it is told, so that another device of this client does not see a member
  // go; what the server answers has none.
  equal(await code(topic.archive(false)), 200);
  const meta = await laptop.getMeta(BOB.uid, topic.startMetaQuery().withDesc().build());
  truth(!meta.desc.private?.arch, 'no longer archived');
  equal(await code(phone.getMeTopic().pinTopic(BOB.uid, true)), 200);
  await until(() => laptop.getMeTopic().pinnedTopicRank(BOB.uid) === 1, 'the pinned topic');
  truth(!bob.getTopic(ALICE.uid).private, 'nothing of it is for others');
});

await check('pinned messages', async () => {
  const group = phone.getTopic(phone.newGroupTopicName());
  await group.subscribe(group.startMetaQuery().withDesc().withSub().build());
  const name = group.name;
  await group.invite(BOB.uid);
  await until(() => bob.getMeTopic().getContact(name), 'the invitation');
  const his = bob.getTopic(name);
  await his.subscribe(his.startMetaQuery().withDesc().withSub().withAux().build());
  await send(group, 'rules of the house');
  equal(await code(group.pinMessage(1, true)), 200);
  await until(() => his.aux('pins'), 'the pins');
  equal(his.aux('pins'), [1]);
  equal(await code(his.pinMessage(1, false)), 403, 'a member');
  equal(await code(group.pinMessage(1, false)), 200);
  const left = await bob.getMeta(name, his.startMetaQuery().withAux().build());
  truth(!left.aux?.pins, 'no pins');
  await group.delTopic(true);
});

await check('messages to oneself', async () => {
  const notes = phone.getTopic('slf');
  equal(await code(notes.subscribe(notes.startMetaQuery().withDesc().withData().build())), 200);
  equal((await send(notes, 'milk')).params.seq, 1);
  const other = laptop.getTopic('slf');
  await other.subscribe(other.startMetaQuery().withDesc().withData().build());
  await until(() => texts(other).includes('milk'), 'the note on the other device');
  await send(other, 'bread');
  await until(() => texts(notes).includes('bread'), 'the note back');
});

await check('an edited message', async () => {
  const his = bob.getTopic(ALICE.uid);
  const sent = await send(topic, 'typo');
  const edit = topic.createMessage('corrected', true);
  edit.head = { replace: `:${sent.params.seq}` };
  await topic.publishDraft(edit);
  await until(() => texts(his).includes('corrected'), 'the correction');
  truth(!texts(his).includes('typo'), 'it replaces');
});

await check('a call rings', async () => {
  const his = bob.getTopic(ALICE.uid);
  const seq = topic.maxMsgSeq();
  his.videoCall('ringing', seq);
  const ring = await until(() => phone.news.info.find(it => it.what === 'call'), 'the signal');
  equal([ring.event, ring.seq, ring.from], ['ringing', seq, BOB.uid]);
});

await check('what changed since', async () => {
  const me = laptop.getMeTopic();
  await sleep(10);
  const before = new Date();
  await sleep(10);
  await send(topic, 'news');
  const meta = await me.getMeta(me.startMetaQuery().withSub(before).build());
  equal(meta.sub.map(it => it.topic), [BOB.uid], 'only the topic that changed');
  await sleep(10);
  const none = await me.getMeta(me.startMetaQuery().withSub(new Date()).build());
  truth(none.code === 204 || !none.sub.some(it => it.seq), JSON.stringify(none));
});

await check('five hundred at once, in order', async () => {
  const his = bob.getTopic(ALICE.uid);
  const first = his.maxMsgSeq();
  const acks = await Promise.all(Array.from({ length: 500 }, (_, i) => phone.publish(BOB.uid, `n${i}`, true)));
  equal(acks.map(it => it.params.seq).every((seq, i) => seq === first + 1 + i), true, 'numbers');
  await until(() => his.maxMsgSeq() === first + 500, 'all of them', 10000);
  equal(bob.news.data.slice(-500).map(it => it.content), Array.from({ length: 500 }, (_, i) => `n${i}`));
});

await check('too long, too deep, too strange', async () => {
  const limit = phone.getServerInfo().maxMessageSize;
  equal((await phone.publish(BOB.uid, 'x'.repeat(limit - 1000), true)).code, 202, 'just below');
  const tinode = await connected(CAROL);
  await tinode.subscribe(ALICE.uid);
  const cut = new Promise(resolve => {
    tinode.onDisconnect = resolve;
  });
  tinode.publish(ALICE.uid, 'x'.repeat(limit + 1000), true).catch(() => {});
  await within(cut, 'the end of the connection');
  tinode.disconnect();
  // A topic of a kind that is not served is refused, and the client goes on.
  for (const [name, codes] of [
    ['chnAAAAAAAAAAA', [404, 501]], ['sys', [403]], ['grpAAAAAAAAAAA', [404]], ['usrnobody', [400, 404]],
  ]) {
    const refused = await code(phone.subscribe(name));
    truth(codes.includes(refused), `${name}: ${refused}`);
  }
  equal(await code(phone.delCurrentUser(true)), 403, 'an account is not deleted here');
});

await check('forgetting a conversation, and beginning again', async () => {
  equal(await code(topic.delTopic(true)), 200);
  await until(() => laptop.news.pres.find(it => it.what === 'gone' && it.src === BOB.uid), 'gone');
  const his = bob.getTopic(ALICE.uid);
  truth(his.messageCount() > 500, 'the other one keeps it');
  const again = phone.getTopic(BOB.uid);
  equal(await code(again.subscribe(again.startMetaQuery().withDesc().build())), 200);
  await send(again, 'hello again');
  await until(() => texts(his).includes('hello again'), 'the message');
});

for (const tinode of [phone, laptop, bob]) {
  tinode.disconnect();
}
done();
