import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { connect } from '../../static/pottle.js';
import { fakeBrowser } from './fakes.mjs';

const SERVER = 'https://pottle.example/class';
let here, pottle;

beforeEach(() => {
  here = fakeBrowser();
  pottle = connect({ url: SERVER, env: here.env });
});

describe('requests', () => {
  const inTime = async (answer) => { answer.catch(() => {}); await here.clock.pass(120_000); return answer; };
  const keys = () => here.requests.map(({ headers }) => headers['Idempotency-Key']);

  test('a post that met a broken network is sent again with the same key', async () => {
    here.answers.push(new TypeError('network'), new TypeError('network'), [201, { id: 1 }]);
    assert.deepEqual(await inTime(pottle.post(7, { body: 'hello' })), { id: 1 });
    assert.equal(keys().length, 3);
    assert.equal(new Set(keys()).size, 1);
    assert.match(keys()[0], /^[0-9a-f]{32}$/);
  });

  test('two posts have two keys, and a key of the caller is kept', async () => {
    here.answers.push([201, {}], [201, {}], [201, {}]);
    await pottle.post(7, { body: 'one' });
    await pottle.post(7, { body: 'one' });
    await pottle.post(7, { body: 'one' }, { idempotencyKey: 'mine' });
    assert.equal(new Set(keys()).size, 3);
    assert.equal(keys()[2], 'mine');
  });

  test('it gives up in the end, with a problem', async () => {
    here.answers.push(...Array.from({ length: 9 }, () => new TypeError('network')));
    await assert.rejects(inTime(pottle.post(7, { body: 'hello' })), { name: 'Problem', status: 0 });
    assert.equal(here.requests.length, 4);
  });

  test('what is not safe to repeat is not repeated', async () => {
    for (const send of [() => pottle.signIn({ uid: 'a', password: 'b' }), () => pottle.edit(1, 'new'), () => pottle.remove(1)]) {
      here.requests.length = 0;
      here.answers.push(new TypeError('network'));
      await assert.rejects(inTime(send()), { status: 0 });
      assert.equal(here.requests.length, 1);
      assert.deepEqual(keys(), [undefined]);
    }
  });

  test('a short Retry-After is waited for', async () => {
    here.answers.push([429, {}, { 'Retry-After': '3' }], [200, { reactions: {} }]);
    const answer = pottle.react(1, 'up');
    await here.clock.pass(2_900);
    assert.equal(here.requests.length, 1);
    await inTime(answer);
    assert.equal(here.requests.length, 2);
  });

  test('a long one is for the person to know', async () => {
    here.answers.push([429, { title: 'Too many' }, { 'Retry-After': '60' }]);
    await assert.rejects(pottle.react(1, 'up'), { status: 429, retryAfter: 60 });
  });

  test('a problem carries its fields', async () => {
    const errors = [{ field: 'body', message: 'is too long' }];
    here.answers.push([422, { type: 't', title: 'Invalid', detail: 'Look', status: 422, errors }]);
    await assert.rejects(pottle.post(7, { body: '' }), { type: 't', title: 'Invalid', status: 422, detail: 'Look', errors });
  });

  test('a refusal that is not JSON is a problem too', async () => {
    here.env.fetch = async () => new Response('<h1>Bad', { status: 400 });
    pottle = connect({ url: SERVER, env: here.env });
    await assert.rejects(pottle.me().then(() => pottle.post(7, { body: 'x' })), { name: 'Problem', status: 400 });
  });

  test('an empty answer is null', async () => {
    here.answers.push([204]);
    assert.equal(await pottle.remove(1), null);
  });

  test('editing names the version that was edited', async () => {
    here.answers.push([200, {}]);
    await pottle.edit(1, 'new', 3);
    assert.equal(here.requests[0].headers['If-Match'], '"3-0"');
  });

  test('a channel is found, or created, or not there for us', async () => {
    here.answers.push([200, { channels: [{ id: 7 }] }]);
    assert.deepEqual(await pottle.channel('home', '/a page'), { id: 7 });
    assert.equal(here.requests[0].url, `${SERVER}/api/groups/home/channels?key=%2Fa+page`);
    here.answers.push([200, { channels: [] }], [201, { id: 8 }]);
    assert.deepEqual(await pottle.channel('home', 'new', { title: 'New' }), { id: 8 });
    here.answers.push([200, { channels: [] }], [401, {}]);
    assert.equal(await pottle.channel('home', 'new'), null);
  });
});
