/** A post as one reader has it. */
import { _ } from './texts.js';
import { made } from './view.js';

/**
 * Shows what depends on who is looking: own reactions, what others do not see, and whether there is anything to do.
 * @typedef {{mine: boolean, moderates: boolean, locked: boolean, withheld: boolean, edit: ?object}} Reader of one post; `withheld`: others do not see it
 * @param {Set<string>} marks @param {Reader} reader
 */
export function personalise(article, marks, reader) {
  const { state } = article.dataset;
  for (const chip of article.querySelectorAll('.chip')) chip.ariaPressed = String(marks.has(chip.dataset.kind));
  const open = state === 'published' && (reader.moderates || !reader.locked);
  for (const name of ['pick', 'reply']) article.querySelector(`[data-do=${name}]`).hidden = !open;
  article.querySelector('.doing').hidden = state === 'removed' && !reader.moderates && !reader.withheld;
  note(article, reader);
}

/** Says why others do not see what its author sees. */
function note(article, { withheld, edit }) {
  const { state } = article.dataset;
  const words = edit ? ofEdit(edit) : (withheld || state === 'pending') && ofPost(state);
  const there = article.querySelector('.waiting, .unapproved');
  if (!words) there?.remove();
  else Object.assign(there ?? article.querySelector('header').appendChild(made('span')), { className: `${edit ? 'unapproved' : 'waiting'} badge`, textContent: words });
}

const ofEdit = ({ state }) => (state === 'removed' ? _('Your edit was not approved') : _('Your edit is waiting for review'));
const ofPost = (state) => (state === 'removed' ? _('Removed by a moderator') : _('Waiting for review'));
