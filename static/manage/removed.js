/** What moderators removed from a group, and may restore. */
import { decide } from '../decisions.js';
import { pottle } from '../pages.js';
import { part } from './group.js';
import { judged } from './judged.js';

const removed = judged(part('#removed'), 'removed', {
  restore: (post) => decide(pottle, [post], 'published', {}, () => removed.reload()),
});
removed.follow();
