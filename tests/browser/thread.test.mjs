import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, conversations, isNewest, offer, older, start, visible, visibleTo } from '../../static/thread.js';

const post = (id, fields = {}) => ({
  id, channel: 7, parent: null, author: { uid: 'alice', name: 'Alice', avatar: null }, body: `post ${id}`,
  html: `<p>post ${id}</p>`, state: 'published', reactions: {}, replies: 0, created: '2026-11-22T10:00:00Z',
  edited: null, version: 1, ...fields,
});
const page = (posts, fields = {}) => ({ posts, next: null, prev: null, epoch: 'e', seq: 10, ...fields });
const change = (seq, kind, subject) => ({ type: 'change', channel: 7, seq, prev: seq - 1, kind, post: subject });
const ids = (thread) => visible(thread).map(({ id }) => id);
const replies = (thread, id) => thread.posts.find((known) => known.id === id).replies;
const after = (thread, ...changes) => changes.reduce(apply, thread);

test('it works', () => {
  const thread = after(start(page([post(2), post(1)])), change(11, 'post.created', post(3)));
  assert.deepEqual(ids(thread), [3, 2, 1]);
  assert.equal(thread.seq, 11);
});

test('the old thread is left alone and unchanged posts stay the same objects', () => {
  const before = start(page([post(2), post(1)]));
  const thread = apply(before, change(11, 'post.edited', post(2, { body: 'new', version: 2 })));
  assert.equal(before.posts[0].body, 'post 2');
  assert.equal(thread.posts[0].body, 'new');
  assert.equal(thread.posts[1], before.posts[1]);
});

test('a post of our own is there once, whichever comes first, answer or change', () => {
  const empty = start(page([post(1)]));
  const mine = post(2, { parent: 1 });
  for (const thread of [
    apply(offer(empty, mine), change(11, 'post.created', mine)),
    offer(apply(empty, change(11, 'post.created', mine)), mine),
  ]) {
    assert.deepEqual(ids(thread), [2, 1]);
    assert.equal(replies(thread, 1), 1);
  }
});

test('a late answer does not bring a removed post back', () => {
  const mine = post(2);
  const thread = after(start(page([post(1)])), change(11, 'post.created', mine),
    change(12, 'post.removed', { ...mine, state: 'removed', body: '', html: '' }));
  assert.deepEqual(ids(offer(thread, mine)), [1]);
});

test('a late answer does not undo a newer edit', () => {
  const thread = after(start(page([post(1)])), change(11, 'post.edited', post(1, { body: 'third', version: 3 })));
  assert.equal(offer(thread, post(1, { body: 'second', version: 2 })).posts[0].body, 'third');
});

test('a removed post without replies goes, one with replies becomes a tombstone and goes with its last reply', () => {
  const removed = (id, fields) => post(id, { state: 'removed', body: '', html: '', ...fields });
  let thread = start(page([post(3, { parent: 1 }), post(2), post(1, { replies: 1 })]));
  thread = after(thread, change(11, 'post.removed', removed(2)), change(12, 'post.removed', removed(1)));
  assert.deepEqual(ids(thread), [3, 1]);
  assert.equal(visible(thread)[1].html, '');
  assert.deepEqual(ids(apply(thread, change(13, 'post.removed', removed(3, { parent: 1 })))), []);
});

test('a restored post returns to its place with its replies counted', () => {
  const reply = post(2, { parent: 1 });
  let thread = start(page([post(3), reply, post(1, { replies: 1 })]));
  thread = apply(thread, change(11, 'post.removed', { ...reply, state: 'removed' }));
  assert.equal(replies(thread, 1), 0);
  thread = apply(thread, change(12, 'post.restored', reply));
  assert.deepEqual(ids(thread), [3, 2, 1]);
  assert.equal(replies(thread, 1), 1);
});

test('reactions merge into the post and nothing else', () => {
  const thread = apply(start(page([post(1, { replies: 4 })])), change(11, 'reactions', { id: 1, reactions: { up: 2 } }));
  assert.deepEqual(thread.posts, [post(1, { replies: 4, reactions: { up: 2 } })]);
});

test('posts are sent as they are now, and still every reply is counted once', () => {
  const parent = post(1, { replies: 2, version: 2 }); // both replies are in this copy already
  const thread = after(start(page([])), change(11, 'post.created', parent), change(12, 'post.created', post(2, { parent: 1 })),
    change(13, 'post.edited', parent), change(14, 'post.created', post(3, { parent: 1 })));
  assert.equal(replies(thread, 1), 2);
});

test('a post sent as a tombstone before its removal is told is never shown nor counted', () => {
  const gone = post(2, { parent: 1, state: 'removed', body: '', html: '' });
  const thread = after(start(page([post(1)])), change(11, 'post.created', gone), change(12, 'post.removed', gone));
  assert.deepEqual(ids(thread), [1]);
  assert.equal(replies(thread, 1), 0);
});

test('a post that waits for review counts as a reply only when it is approved', () => {
  const waiting = post(2, { parent: 1, state: 'pending' });
  let thread = offer(start(page([post(1)])), waiting);
  assert.deepEqual([ids(thread), replies(thread, 1)], [[2, 1], 0]);
  thread = apply(thread, change(11, 'post.created', { ...waiting, state: 'published' }));
  assert.equal(replies(thread, 1), 1);
});

test('a post approved late stays out when it belongs to a page that is not loaded', () => {
  const thread = start(page([post(9), post(8)], { next: 'cursor' }));
  assert.deepEqual(ids(apply(thread, change(11, 'post.created', post(3)))), [9, 8]);
  assert.deepEqual(ids(apply({ ...thread, next: null }, change(11, 'post.created', post(3)))), [9, 8, 3]);
});

test('a page of older posts gets no new ones on top, but answers to its own', () => {
  const answer = post(20, { parent: 2 });
  const thread = after(start(page([post(2), post(1)]), { newest: false }), change(11, 'post.created', answer),
    change(12, 'post.edited', { ...answer, version: 2 }), change(13, 'post.created', post(21)), change(14, 'post.created', post(22, { parent: 21 })));
  assert.deepEqual([ids(thread), replies(thread, 2)], [[20, 2, 1], 1]);
});

test('a conversation gets what belongs to it, and nothing else', () => {
  const thread = after(start(page([post(9, { parent: 5 }), post(5)]), { conversation: true }), change(11, 'post.created', post(20, { parent: 9 })),
    change(12, 'post.created', post(21)), change(13, 'post.edited', post(7, { version: 2 })), change(14, 'post.edited', post(5, { version: 2 })),
    change(15, 'post.created', post(22, { parent: 20 })), change(16, 'post.created', post(23, { parent: 21 })));
  assert.deepEqual(ids(thread), [22, 20, 9, 5]);
  assert.equal(replies(thread, 9), 1);
  assert.equal(isNewest(thread), false);
});

test('older posts join below without doubles', () => {
  const thread = older(start(page([post(3), post(2)], { next: 'c' })), page([post(2), post(1)]));
  assert.deepEqual(ids(thread), [3, 2, 1]);
  assert.equal(thread.next, null);
});

test('an older page that is behind, or of another epoch, is refused', () => {
  const thread = start(page([post(3)], { next: 'c' }));
  assert.equal(older(thread, page([post(1)], { seq: 9 })), null);
  assert.equal(older(thread, page([post(1)], { epoch: 'f' })), null);
});

test('an older page that is ahead is not changed by what it already shows', () => {
  let thread = start(page([post(3)], { next: 'c' }));
  thread = older(thread, page([post(2, { parent: 1 }), post(1, { replies: 2, body: 'new', version: 2 })], { seq: 12 }));
  thread = after(thread, change(11, 'post.created', post(4, { parent: 1 })),
    change(12, 'reactions', { id: 1, reactions: {} }), change(13, 'post.created', post(5, { parent: 1 })));
  assert.deepEqual([ids(thread), replies(thread, 1)], [[5, 4, 3, 2, 1], 3]);
});

test('conversations put replies below what they answer, oldest first', () => {
  const posts = [post(6, { parent: 99 }), post(5, { parent: 3 }), post(4), post(3, { parent: 1 }), post(2, { parent: 1 }), post(1)];
  const shape = conversations(posts).map(({ post: { id }, replies: below }) => [id, below.map((reply) => reply.id)]);
  assert.deepEqual(shape, [[6, []], [4, []], [1, [2, 3, 5]]]);
});

test('a post below which somebody writes stays, when removed and when the list is read again', () => {
  const answered = new Set([2, 9]);
  const removed = after(start(page([post(2), post(1)])), change(11, 'post.removed', post(2, { state: 'removed', version: 2 })));
  assert.deepEqual(ids(removed), [1]);
  assert.deepEqual(visible(removed, answered).map(({ id }) => id), [2, 1]);

  const kept = [post(9), post(2)];
  const again = start(page([post(10), post(8)], { next: 'older' }), { kept });
  assert.deepEqual(again.posts.map(({ id, state }) => [id, state]), [[10, 'published'], [9, 'removed'], [8, 'published'], [2, 'published']]);
  assert.deepEqual(ids(again), [10, 8, 2]);
  assert.equal(start(page([post(1)]), { newest: false, kept: [post(5)] }).posts[0].state, 'published');
});

test('an author sees own posts that wait or were removed, as long as the thread knows nothing newer', () => {
  const waiting = post(3, { state: 'pending' });
  const removed = post(1, { state: 'removed', version: 2 });
  const own = (thread) => visibleTo(thread, [waiting, removed]).map(({ id, state }) => `${id} ${state}`);
  const thread = apply(start(page([post(2), post(1)])), change(11, 'post.removed', post(1, { state: 'removed', version: 2, body: '', html: '' })));
  assert.deepEqual(ids(thread), [2]);
  assert.deepEqual(own(thread), ['3 pending', '2 published', '1 removed']);
  assert.equal(visibleTo(thread, [removed]).at(-1), removed, 'with its text');
  const later = after(thread, change(12, 'post.created', post(3, { version: 2 })), change(13, 'post.restored', post(1, { version: 3 })));
  assert.deepEqual(own(later), ['3 published', '2 published', '1 published']);
});

test('own posts that belong to other pages do not come to this one', () => {
  const own = [post(9, { state: 'pending' }), post(1, { state: 'pending' })];
  assert.deepEqual(visibleTo(start(page([post(5), post(4)], { next: 'n' })), own).map(({ id }) => id), [9, 5, 4]);
  assert.deepEqual(visibleTo(start(page([post(5), post(4)]), { newest: false }), own).map(({ id }) => id), [5, 4, 1]);
});

test('where pages are of whole conversations, an answer is there exactly when its conversation is', () => {
  const options = { whole: true };
  const thread = start(page([post(9, { parent: 5 }), post(8), post(5)], { next: 'n' }), options);
  const later = after(thread, change(11, 'post.created', post(20, { parent: 9 })), change(12, 'post.created', post(21, { parent: 3 })), change(13, 'post.created', post(22)));
  assert.deepEqual(ids(later), [22, 20, 9, 8, 5]);
  assert.deepEqual(ids(offer(later, post(6, { root: 4, parent: 4 }))), [22, 20, 9, 8, 5]);
  assert.equal(conversations([post(9, { parent: 7, root: 5 }), post(5)]).length, 1, 'though what it answers is left out');
});

test('where the oldest come first, new ones belong to it when there are no more', () => {
  const oldest = start(page([post(7, { parent: 2 }), post(2), post(1)], { next: 'n' }), { whole: true, oldest: true });
  assert.equal(isNewest(oldest), false);
  assert.deepEqual(ids(apply(oldest, change(11, 'post.created', post(20)))), [7, 2, 1]);
  const all = older(oldest, page([post(8)]));
  assert.equal(isNewest(all), true);
  assert.deepEqual(ids(apply(all, change(11, 'post.created', post(20)))), [20, 8, 7, 2, 1]);
});
