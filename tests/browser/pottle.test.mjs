import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { baseOf, connect } from '../../static/pottle.js';
import { fakeBrowser, FakeStorage, settled } from './fakes.mjs';

const SERVER = 'https://pottle.example/class';
const change = (seq, prev, fields = {}) => ({ type: 'change', channel: 7, seq, prev, kind: 'post.created', post: { id: seq }, ...fields });
const subscribed = (seq, fields = {}) => ({ type: 'subscribed', channel: 7, epoch: 'e', seq, recovered: true, ...fields });

let here, pottle, seen, states, resets, nextReset;

beforeEach(() => {
  here = fakeBrowser();
  pottle = connect({ url: SERVER, env: here.env });
  seen = []; states = []; resets = 0;
  nextReset = async () => ({ epoch: 'f', seq: 100 });
});

const follow = (options) => pottle.subscribe(7, {
  onChange: ({ seq }) => seen.push(seq),
  onReset: () => { resets += 1; return nextReset(); },
  onState: (state, detail) => states.push(detail === undefined ? state : [state, detail]),
  ...options,
});

/** Subscribed and live at 10 of epoch e. */
function live() {
  const subscription = follow({ epoch: 'e', seq: 10 });
  const socket = here.sockets[0].open();
  socket.say(subscribed(10));
  socket.take();
  return { subscription, socket };
}

const socket = () => here.sockets.at(-1);

describe('where the server is', () => {
  test('it is found from the address of the module', () => {
    assert.equal(baseOf('https://host/static/pottle.js'), 'https://host');
    assert.equal(baseOf('https://host/static/~0a1b2c/pottle.js?x'), 'https://host');
    assert.equal(baseOf('https://host/pottle/static/pottle.js'), 'https://host/pottle');
    assert.equal(baseOf('https://host/pottle/static/~0a1b2c/pottle.js'), 'https://host/pottle');
  });

  test('the websocket is beside the API', () => {
    follow();
    assert.equal(socket().url, 'wss://pottle.example/class/api/live');
  });
});

describe('following a channel', () => {
  test('it works', () => {
    follow({ epoch: 'e', seq: 10 });
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'e', after: 10 }]);
    socket().say(subscribed(12), change(11, 10), change(12, 11));
    socket().say(change(15, 12));
    assert.deepEqual(seen, [11, 12, 15]);
    assert.deepEqual(states, ['connecting', 'live']);
  });

  test('without a position it starts from now', () => {
    follow();
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7 }]);
    socket().say(subscribed(10, { recovered: false }));
    socket().say(change(11, 10));
    assert.deepEqual([seen, resets], [[11], 0]);
  });

  test('after a lost connection it goes on from the last change', async () => {
    live().socket.say(change(11, 10));
    socket().end(1006);
    await here.clock.pass(500);
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'e', after: 11 }]);
    socket().say(subscribed(12), change(12, 11));
    assert.deepEqual([seen, states], [[11, 12], ['connecting', 'live', 'reconnecting', 'live']]);
  });

  test('a change that comes twice is told once', () => {
    live().socket.say(change(11, 10), change(11, 10));
    assert.deepEqual([seen, resets], [[11], 0]);
  });

  test('a gap reads the list again and joins on to it; what comes meanwhile is not lost', async () => {
    let finish;
    nextReset = () => new Promise((resolve) => { finish = resolve; });
    live().socket.say(change(13, 12));
    socket().say(change(14, 13));
    assert.deepEqual([seen, resets], [[], 1]);
    finish({ epoch: 'e', seq: 13 });
    await settled();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'e', after: 13 }]);
    socket().say(change(15, 14)); // sent before our subscribe arrived: comes again below
    socket().say(subscribed(15), change(14, 13), change(15, 14));
    assert.deepEqual(seen, [14, 15]);
    assert.deepEqual(states, ['connecting', 'live', 'resetting', 'live']);
  });

  test('a position that cannot be resumed reads the list again', async () => {
    follow({ epoch: 'old', seq: 99 });
    socket().open().take();
    socket().say(subscribed(10, { recovered: false }), change(11, 10));
    await settled();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'f', after: 100 }]);
    assert.deepEqual([seen, resets], [[], 1]);
  });

  test('a list read again and again in vain is read ever more slowly', async () => {
    follow({ epoch: 'old', seq: 1 });
    socket().open();
    for (let round = 0; round < 40; round += 1) {
      if (socket().take().some(({ type }) => type === 'subscribe')) socket().say(subscribed(10, { recovered: false }));
      await here.clock.pass(500);
    }
    assert.ok(resets >= 3 && resets <= 8, `${resets} reads in 20 s`);
  });

  test('a list that cannot be read now is tried again, one that is refused is not', async () => {
    nextReset = async () => { throw Object.assign(new Error(), { status: resets < 3 ? 0 : 404 }); };
    live().socket.say(change(13, 12));
    await here.clock.pass(60_000);
    assert.equal(resets, 3);
    assert.equal(states.at(-1)[0], 'failed');
  });

  test('a reset while the connection is away goes on when it is back', async () => {
    live().socket.say(change(13, 12));
    socket().end(1006);
    await here.clock.pass(500);
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'f', after: 100 }]);
  });

  test("an error in a page's own handler does not break the chain", (t) => {
    t.mock.method(console, 'error', () => {});
    follow({ epoch: 'e', seq: 10, onChange: ({ seq }) => { seen.push(seq); throw new Error('mistake'); } });
    socket().open().say(subscribed(10), change(11, 10), change(12, 11));
    assert.deepEqual([seen, resets], [[11, 12], 0]);
  });

  test('a subscription without onReset is refused', () => {
    assert.throws(() => pottle.subscribe(7, { onChange() {} }), TypeError);
  });

  test('two channels share a connection, which closes with the last of them', () => {
    const one = follow();
    const two = pottle.subscribe(8, { onChange() {}, onReset: nextReset });
    socket().open();
    assert.deepEqual([here.sockets.length, socket().take().map(({ channel }) => channel)], [1, [7, 8]]);
    one.close();
    assert.deepEqual(socket().take(), [{ type: 'unsubscribe', channel: 7 }]);
    assert.equal(socket().closed, false);
    two.close();
    assert.equal(socket().closed, true);
  });

  test('subscribing again replaces, and answers to the first do not confuse the second', () => {
    follow({ epoch: 'old', seq: 10 });
    socket().open();
    const later = [];
    follow({ epoch: 'e', seq: 12, onChange: ({ seq }) => later.push(seq) });
    socket().say(subscribed(13, { recovered: false }), change(13, 12));
    socket().say(subscribed(13), change(13, 12));
    assert.deepEqual([seen, later, resets, here.sockets.length], [[], [13], 0, 1]);
    assert.ok(states.includes('closed'));
  });

  test('nothing is told after close', () => {
    const { subscription } = live();
    subscription.close();
    assert.deepEqual([seen, states.at(-1), socket().closed], [[], 'closed', true]);
  });

  test('a channel that was refused is not unsubscribed from, whose answer would confuse the next', () => {
    const { close } = follow();
    pottle.subscribe(8, { onChange() {}, onReset: nextReset });
    socket().open().say({ type: 'error', code: 'not-found', channel: 7 });
    socket().take();
    close();
    assert.deepEqual(socket().take(), []);
  });

  test('a refused channel is told and not asked for again', async () => {
    follow();
    socket().open().say({ type: 'error', code: 'not-found', channel: 7 });
    assert.deepEqual(states.at(-1), ['failed', 'not-found']);
    socket().end(1006);
    await here.clock.pass(600_000);
    assert.equal(here.sockets.length, 1);
  });
});

describe('the connection', () => {
  /** Milliseconds from each close to the next attempt. */
  async function delays(code, count) {
    const waits = [];
    for (let round = 0; round < count; round += 1) {
      const before = here.sockets.length, from = here.clock.now();
      socket().end(code);
      while (here.sockets.length === before) await here.clock.pass(50);
      waits.push(here.clock.now() - from);
    }
    return waits;
  }

  test('it returns ever more slowly, up to half a minute', async () => {
    follow();
    assert.deepEqual(await delays(1006, 8), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  });

  test('a good connection makes it quick again', async () => {
    follow();
    await delays(1006, 4);
    socket().open().say(subscribed(1));
    await here.clock.pass(10_000);
    assert.deepEqual(await delays(1006, 1), [500]);
  });

  test('one that opens and falls at once does not', async () => {
    follow();
    await delays(1006, 4);
    socket().open();
    assert.deepEqual(await delays(1006, 1), [8000]);
  });

  test('a restarting server is asked again soon, and then with patience', async () => {
    follow();
    const [first, ...later] = await delays(1012, 3);
    assert.ok(first <= 2100);
    assert.deepEqual(later, [1000, 2000]);
  });

  test('signed out soon after a bad time, it is still back soon, but not again and again', async () => {
    here.answers.push(...Array.from({ length: 3 }, () => [401, {}]));
    pottle = connect({ url: SERVER, storage: new FakeStorage(), env: here.env });
    follow();
    await delays(1006, 5);
    const [first, second] = await delays(4401, 2);
    assert.ok(first <= 2100 && second > 10_000, `${first}, ${second}`);
  });

  test('a reader that was too slow returns from where it was', async () => {
    live().socket.say(change(11, 10));
    await delays(1013, 1);
    socket().open();
    assert.equal(socket().take()[0].after, 11);
  });

  for (const code of [1008, 1009]) {
    test(`after ${code} it does not hammer, whoever looks`, async () => {
      follow();
      socket().end(code);
      here.wake();
      await here.clock.pass(59_000);
      assert.equal(here.sockets.length, 1);
      await here.clock.pass(2_000);
      assert.equal(here.sockets.length, 2);
    });
  }

  test('it returns at once when the network does', async () => {
    follow();
    await delays(1006, 6);
    socket().end(1006);
    const before = here.sockets.length;
    here.wake();
    assert.equal(here.sockets.length, before + 1);
  });

  test('a line that never opens is given up', async () => {
    follow();
    await here.clock.pass(10_500);
    assert.deepEqual([here.sockets.length, here.sockets[0].closed], [2, true]);
  });

  test('a silent line is asked for a sign of life, which also shows that nothing is missing', async () => {
    live();
    await here.clock.pass(25_000);
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'e', after: 10 }]);
    socket().say(subscribed(11), change(11, 10));
    await here.clock.pass(10_000);
    assert.deepEqual([here.sockets.length, seen], [1, [11]]);
  });

  test('a line that talks is not asked', async () => {
    const { socket: line } = live();
    for (let seq = 11; seq < 20; seq += 1) {
      await here.clock.pass(10_000);
      line.say(change(seq, seq - 1));
    }
    assert.deepEqual(line.take(), []);
  });

  test('a line that died in sleep is noticed and replaced', async () => {
    live();
    here.clock.sleep(3_600_000);
    here.wake();
    assert.equal(socket().take().length, 1);
    await here.clock.pass(10_500);
    assert.deepEqual([here.sockets.length, here.sockets[0].closed], [2, true]);
    assert.ok(states.includes('reconnecting'));
  });

  test('what a replaced line still says does not count', async () => {
    const { socket: old } = live();
    await here.clock.pass(36_000);
    assert.equal(here.sockets.length, 2);
    old.say(change(11, 10));
    old.end(1006);
    assert.deepEqual([seen, here.sockets.length], [[], 2]);
  });
});

describe('who is asking', () => {
  const session = [201, { user: { uid: 'alice' }, token: 'secret', expires: '2099-01-01T00:00:00Z' }];
  let storage;

  beforeEach(() => {
    storage = new FakeStorage();
    pottle = connect({ url: SERVER, storage, env: here.env });
  });

  test('elsewhere, signing in keeps a token for this server, used for requests and the websocket', async () => {
    here.answers.push(session, [200, { uid: 'alice' }]);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    await pottle.me();
    assert.equal(here.requests[0].credentials, 'omit');
    assert.equal(here.requests[1].headers.Authorization, 'Bearer secret');
    assert.match(storage.getItem(`pottle:${SERVER}`), /secret/);
    follow();
    socket().open();
    assert.deepEqual(socket().take()[0], { type: 'auth', token: 'secret' });
  });

  test('on our own origin the cookie counts and no token is kept', async () => {
    pottle = connect({ url: SERVER, storage, env: { ...here.env, origin: 'https://pottle.example' } });
    here.answers.push(session);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    assert.equal(here.requests[0].credentials, 'same-origin');
    assert.equal(storage.getItem(`pottle:${SERVER}`), null);
  });

  test('signing in begins the connection again, from the same position, also for what was refused', async () => {
    live();
    pottle.subscribe(8, { onChange() {}, onReset: nextReset });
    socket().say({ type: 'error', code: 'not-found', channel: 8 });
    here.answers.push(session);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    assert.equal(here.sockets[0].closed, true);
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'auth', token: 'secret' },
      { type: 'subscribe', channel: 7, epoch: 'e', after: 10 }, { type: 'subscribe', channel: 8 }]);
  });

  test('without storage the token lives as long as the page', async () => {
    pottle = connect({ url: SERVER, env: here.env });
    here.answers.push(session);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    assert.equal(pottle.hasToken, true);
  });

  test('a token past its time is not used', async () => {
    storage.setItem(`pottle:${SERVER}`, JSON.stringify({ token: 'old', expires: '1969-12-31T00:00:00Z' }));
    assert.equal(await pottle.me(), null);
    assert.equal(here.requests.length, 0);
  });

  test('4401 asks who we are; a stranger forgets the token, tells, and goes on as one', async () => {
    let told = 0;
    pottle = connect({ url: SERVER, storage, env: here.env, onSignedOut: () => { told += 1; } });
    here.answers.push(session, [401, {}], [401, {}]);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    live();
    socket().end(4401);
    await here.clock.pass(2_100);
    assert.deepEqual([told, pottle.hasToken, states.includes('signed-out')], [1, false, true]);
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'subscribe', channel: 7, epoch: 'e', after: 10 }]);
  });

  test('4401 may only mean one group: who is still signed in stays so', async () => {
    here.answers.push(session, [200, { uid: 'alice' }]);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    live();
    socket().end(4401);
    await here.clock.pass(2_100);
    assert.deepEqual([pottle.hasToken, states.includes('signed-out')], [true, false]);
    socket().open();
    assert.deepEqual(socket().take()[0], { type: 'auth', token: 'secret' });
  });

  test('4401 on our own origin tells when the cookie is no longer good', async () => {
    pottle = connect({ url: SERVER, env: { ...here.env, origin: 'https://pottle.example' } });
    here.answers.push([401, {}]);
    live();
    socket().end(4401);
    await here.clock.pass(2_100);
    assert.ok(states.includes('signed-out'));
  });

  test('a token that the websocket refuses is forgotten', async () => {
    here.answers.push(session);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    follow();
    socket().open().say({ type: 'error', code: 'unauthenticated' });
    assert.deepEqual([pottle.hasToken, states.includes('signed-out')], [false, true]);
  });

  test('a token that the server no longer knows is forgotten, and public things are read without it', async () => {
    here.answers.push(session, [401, { title: 'Unauthorized' }], [200, { posts: [] }]);
    await pottle.signIn({ uid: 'alice', password: 'correct horse' });
    assert.deepEqual(await pottle.posts(7), { posts: [] });
    assert.equal(here.requests[2].headers.Authorization, undefined);
    assert.equal(pottle.hasToken, false);
  });
});

describe('watching a GET', () => {
  const PATH = '/api/counts?group=class&key=a';
  const gets = () => here.requests.filter(({ url }) => url === SERVER + PATH);
  const conditions = () => gets().map(({ headers }) => headers['If-None-Match']);
  let values, watched;

  const answer = (etag, value) => here.answers.push([200, value, { ETag: etag }]);
  const watch = (options) => pottle.watch(PATH, (value) => values.push(value), { onState: (state, detail) => states.push(detail === undefined ? state : [state, detail]), ...options });
  const opened = async () => { await settled(); socket().open(); await settled(); };

  async function watching() {
    answer('"1-a"', { n: 1 });
    watched = watch();
    await opened();
    socket().say({ type: 'watching', get: PATH, etag: '"1-a"' });
    socket().take();
  }

  beforeEach(() => { values = []; });

  test('it works', async () => {
    answer('"1-a"', { n: 1 });
    watch();
    await opened();
    assert.deepEqual(values, [{ n: 1 }]);
    assert.deepEqual(socket().take(), [{ type: 'watch', get: PATH, etag: '"1-a"' }]);
    socket().say({ type: 'watching', get: PATH, etag: '"1-a"' });
    answer('"2-b"', { n: 2 });
    socket().say({ type: 'changed', get: PATH, etag: '"2-b"' });
    await settled();
    assert.deepEqual(values, [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(conditions(), [undefined, '"1-a"']);
    assert.deepEqual(states, ['live']);
  });

  test('it is read although there is no websocket', async () => {
    answer('"1-a"', { n: 1 });
    watch();
    await settled();
    assert.deepEqual(values, [{ n: 1 }]);
    assert.equal(gets().length, 1);
  });

  test('an answer that is still the same is not told again', async () => {
    await watching();
    here.answers.push([304, undefined]);
    socket().say({ type: 'changed', get: PATH });
    await settled();
    assert.deepEqual([values, gets().length], [[{ n: 1 }], 2]);
  });

  test('word of the answer that we have is no reason to read', async () => {
    await watching();
    socket().say({ type: 'changed', get: PATH, etag: '"1-a"' });
    await settled();
    assert.equal(gets().length, 1);
  });

  test('what changes while it is read is read after it', async () => {
    await watching();
    answer('"2-b"', { n: 2 });
    answer('"3-c"', { n: 3 });
    socket().say({ type: 'changed', get: PATH, etag: '"2-b"' }, { type: 'changed', get: PATH, etag: '"3-c"' });
    await settled();
    await settled();
    assert.deepEqual(values, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('after a lost connection it asks with the answer that it has', async () => {
    await watching();
    socket().end(1006);
    await here.clock.pass(500);
    socket().open();
    assert.deepEqual(socket().take(), [{ type: 'watch', get: PATH, etag: '"1-a"' }]);
    socket().say({ type: 'watching', get: PATH, etag: '"2-b"' });
    answer('"2-b"', { n: 2 });
    socket().say({ type: 'changed', get: PATH, etag: '"2-b"' });
    await settled();
    assert.deepEqual([values, states], [[{ n: 1 }, { n: 2 }], ['live', 'reconnecting', 'live']]);
  });

  test('a server that fails is asked again, more and more slowly', async () => {
    await watching();
    here.answers.push(...Array.from({ length: 4 }, () => new Error('network')));
    answer('"2-b"', { n: 2 });
    socket().say({ type: 'changed', get: PATH });
    await here.clock.pass(20_000);
    assert.deepEqual(values, [{ n: 1 }, { n: 2 }]);
  });

  test('what may no longer be read ends the watch, and signing in begins it again', async () => {
    await watching();
    socket().say({ type: 'error', code: 'not-found', get: PATH });
    assert.deepEqual(states, ['live', ['failed', 'not-found']]);
    here.answers.push([200, { user: { uid: 'hop' }, token: 't', expires: '2027-01-01T00:00:00Z' }]);
    await pottle.signIn({ uid: 'hop', password: 'x' });
    answer('"5-e"', { n: 5 });
    await opened();
    assert.deepEqual(values, [{ n: 1 }, { n: 5 }]);
  });

  test('several of one path are one, and the last to close ends it', async () => {
    await watching();
    const others = [];
    const other = pottle.watch(PATH, (value) => others.push(value));
    assert.deepEqual([others, gets().length, here.sockets.length], [[{ n: 1 }], 1, 1]);
    watched.close();
    assert.deepEqual(socket().take(), []);
    other.close();
    assert.deepEqual(socket().take(), [{ type: 'unwatch', get: PATH }]);
    assert.equal(socket().closed, true);
  });

  test('it tells whether a silent line is alive', async () => {
    await watching();
    await here.clock.pass(25_000);
    assert.deepEqual(socket().take(), [{ type: 'watch', get: PATH, etag: '"1-a"' }]);
  });

  test('it stands beside subscriptions, of channels and other streams', async () => {
    await watching();
    pottle.subscribe('jokes', { onChange: ({ seq }) => seen.push(seq), onReset: () => nextReset() });
    assert.deepEqual(socket().take(), [{ type: 'subscribe', stream: 'jokes' }]);
    socket().say({ type: 'subscribed', stream: 'jokes', epoch: 'e', seq: 3, recovered: true }, { type: 'change', stream: 'jokes', seq: 4, prev: 3, kind: 'joke.told' });
    assert.deepEqual(seen, [4]);
  });
});

describe('where no websocket gets through', () => {
  let posted, answer, polled;
  const heard = [];

  /** Requests are kept until a test answers them; each is `{ frames, wait }`. */
  beforeEach(async () => {
    posted = []; heard.length = 0;
    globalThis.fetch = (url, { body, signal }) => new Promise((resolve, reject) => {
      posted.push({ url, ...JSON.parse(body) });
      answer = (frames, closed) => resolve(new Response(JSON.stringify(closed ? { frames, closed } : { frames })));
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
    const { poll } = await import('../../static/pottle/polling.js');
    polled = { onopen: () => heard.push('open'), onmessage: ({ data }) => data !== '[]' && heard.push(JSON.parse(data)), onclose: ({ code }) => heard.push(code) };
    poll(polled, 'wss://pottle.example/api/live');
    answer([]);
    await settled();
  });

  const asked = async (count) => { while (posted.length < count) await new Promise((resolve) => { setTimeout(resolve, 5); }); return posted.at(-1); };

  test('every fourth attempt is by requests', () => {
    const attempts = [];
    pottle = connect({ url: SERVER, env: { ...here.env, webSocket: (url, failures) => (attempts.push(failures), here.env.webSocket(url)) } });
    follow();
    for (let n = 0; n < 4; n += 1) { socket().end(1006); here.wake(); }
    assert.deepEqual(attempts, [0, 1, 2, 3, 4]);
  });

  test('what is wanted goes on from where it was, and is acknowledged once', async () => {
    assert.deepEqual([heard, posted[0].url], [['open'], 'https://pottle.example/api/live']);
    const subscribe = { type: 'subscribe', channel: 7, epoch: 'e', after: 10 };
    polled.send(JSON.stringify(subscribe));
    polled.send(JSON.stringify({ type: 'watch', get: '/api/x', etag: '"1"' }));
    assert.deepEqual(await asked(2), { url: posted[0].url, frames: [subscribe, { type: 'watch', get: '/api/x', etag: '"1"' }], wait: 0 });
    answer([subscribed(12), { type: 'watching', get: '/api/x', etag: '"1"' }, change(11, 10), change(12, 11)]);
    const { frames, wait } = await asked(3);
    assert.deepEqual([frames[0].after, wait], [12, 20]);
    answer([subscribed(12), { type: 'watching', get: '/api/x' }, { type: 'changed', get: '/api/x', etag: '"2"' }]);
    assert.equal((await asked(4)).frames[1].etag, '"2"');
    assert.deepEqual(heard.slice(1).map(({ type }) => type), ['subscribed', 'watching', 'change', 'change', 'changed']);
    polled.send(JSON.stringify({ type: 'unsubscribe', channel: 7 }));
    assert.deepEqual((await asked(5)).frames.map(({ type }) => type), ['watch']);
    polled.close();
  });

  test('who missed something for good begins anew, and so does who is signed out', async () => {
    polled.send(JSON.stringify({ type: 'subscribe', channel: 7, epoch: 'e', after: 10 }));
    await asked(2);
    answer([subscribed(10)]);
    await asked(3);
    answer([subscribed(50, { recovered: false })]);
    await settled(); await settled();
    assert.equal(heard.at(-1), 1012);
  });

  test('a code that closes is passed on', async () => {
    polled.send(JSON.stringify({ type: 'auth', token: 't' }));
    await asked(2);
    answer([], 4401);
    await settled(); await settled();
    assert.equal(heard.at(-1), 4401);
  });
});
