/** What a moderator decides on posts, and how that is undone. */
import { _, ngettext } from './texts.js';
import { toast } from './toast.js';

const AT_ONCE = 100;
let undoLast = null;

/**
 * Decides on posts, as they were read, and offers to undo it.
 * @param {object[]} posts as the queue has them: of a public one the `edit` is meant
 * @param {'published'|'removed'} state @param {{reason?: string, note?: string}} why
 * @param {() => void} changed is called when it was undone
 * @returns {Promise<object[]>} the posts as they are since
 * @throws what was refused, where that is the only one
 */
export async function decide(pottle, posts, state, why = {}, changed = () => {}) {
  const texts = posts.map((post) => {
    const edit = post.state === 'published' && post.edit?.state === 'pending';
    return { post: post.id, edit, version: edit ? post.edit.version : post.version };
  });
  const done = [], refused = [];
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    const outcome = await pottle.api('POST', '/api/decisions', { decisions: texts.slice(from, from + AT_ONCE), state, ...why });
    done.push(...outcome.posts);
    refused.push(...outcome.refused);
  }
  if (posts.length === 1 && refused.length) throw Object.assign(new Error(refused[0].detail), refused[0]);
  const ids = done.map((post) => post.decision ?? post.edit?.decision).filter(Boolean).map(({ id }) => id);
  const removed = posts.some((post) => post.state === 'removed') && state === 'published';
  const kept = posts.every((post) => post.state === 'published' && post.edit?.state !== 'pending') && state === 'published';
  const text = kept ? ngettext('%(num)s post stays.', '%(num)s posts stay.', done.length) : removed ? ngettext('%(num)s post is back.', '%(num)s posts are back.', done.length)
    : state === 'published' ? ngettext('%(num)s approved.', '%(num)s approved.', done.length)
    : ngettext('%(num)s removed.', '%(num)s removed.', done.length);
  const more = refused.length ? ` ${ngettext('%(num)s has changed meanwhile: please look at it again.', '%(num)s have changed meanwhile: please look at them again.', refused.length)}` : '';
  toast({ text: text + more, action: _('Undo'), act: undoing(pottle, ids, changed) });
  return done;
}

/**
 * What undoes these decisions, also by a key from now on (`undoes`).
 * @param {number[]} ids @param {() => void} changed is called when it was undone @returns {?() => Promise<void>} null for none
 */
export function undoing(pottle, ids, changed) {
  undoLast = ids.length ? () => undo(pottle, ids, changed) : null;
  return undoLast;
}

async function undo(pottle, ids, changed) {
  undoLast = null;
  try {
    const { refused } = await pottle.api('POST', '/api/decisions/undo', { decisions: ids.slice(0, AT_ONCE) });
    if (ids.length > AT_ONCE) await undo(pottle, ids.slice(AT_ONCE), changed);
    toast({ text: refused[0]?.detail ?? _('Undone.') });
  } catch (problem) {
    toast({ text: problem.message, action: _('Try again'), act: () => undo(pottle, ids, changed) });
  }
  changed();
}

/** Undoes what was decided last in this page. @returns {boolean} whether there was something */
export function undoes() {
  undoLast?.();
  return undoLast !== null;
}
