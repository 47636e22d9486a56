/** A post as one reader has it. */
import { texts } from './texts.taking-part.js';

/** What depends on who is looking: own reactions, an own `edit` that is not approved, and what one may do. */
export function personalise(article, { mine, moderates, locked, marks, withheld, edit }) {
  for (const chip of article.querySelectorAll('.chip')) {
    chip.disabled = false;
    chip.setAttribute('aria-pressed', String(marks.has(chip.dataset.kind)));
  }
  const shut = locked && !moderates;
  const { state } = article.dataset;
  const removed = state === 'removed';
  const open = state === 'published' && !shut;
  const allow = {
    pick: open, reply: open, approve: moderates && state === 'pending', edit: mine && !shut && !removed, withdraw: Boolean(edit),
    remove: (mine || moderates) && (!removed || withheld), restore: moderates && removed,
  };
  article.querySelector('footer').hidden = removed && !moderates && !withheld;
  article.querySelector('.unapproved').textContent = edit ? texts.unapproved[edit.state] : '';
  for (const [name, allowed] of Object.entries(allow)) article.querySelector(`[data-do=${name}]`).hidden = !allowed;
}
