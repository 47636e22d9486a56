/** Our own pages come alive: everything here adds to HTML that is already complete for reading. */
import { Account } from './account.js';
import { enliven } from './ours.js';
import { isTyped, submits } from './forms.js';
import { connect } from './pottle.js';
import { showTallies } from './tallies.js';
import { tickAll } from './view.js';

const TICK_MS = 30_000;

export const pottle = connect({ onSignedOut: () => account.become(null, false), onConfirm: () => account.confirm() });
export const account = new Account(pottle);
document.querySelectorAll('.discussion').forEach((section) => enliven(section, pottle, account));
document.querySelectorAll('form.begin').forEach(beginning);
document.querySelectorAll('.channels ul').forEach((list) => showTallies(list, pottle));
document.querySelectorAll('.joining').forEach(async (section) => {
  const { Joining } = await import('./joining.js');
  new Joining(section, pottle, account);
});
if (document.querySelector('[data-reloads]')) account.onChange(reloads);
tickAll();
document.querySelector('.unready').remove();
setInterval(tickAll, TICK_MS, document);

/** It is another's page now. But what is typed in it stays when a session ends by itself, for whoever comes back. */
function reloads(user, byOneself) {
  if (user && user.uid === document.body.dataset.uid) return;
  if (user || byOneself || !isTyped(document.querySelector('main'))) location.reload();
  else account.ask();
}

/**
 * Begins a discussion; the Problem of one that is there already leads to it.
 * @param {string} page the address of a discussion, with 0 for its id
 */
export async function begin(group, title, page) {
  const at = (id) => page.replace(/0(?=\/?$)/, id);
  try {
    const { id } = await pottle.api('POST', `/api/groups/${group}/channels`, { title });
    return at(id);
  } catch (problem) {
    if (problem.channel) problem.offer = { href: at(problem.channel.id), textContent: `Go to “${problem.channel.title}”` };
    throw problem;
  }
}

/** The form that begins a discussion. */
function beginning(form) {
  const show = () => { form.hidden = !account.me && !isTyped(form); };
  account.onChange(show);
  show();
  submits(form, async ({ title }) => location.assign(await begin(form.dataset.group, title, form.dataset.page)));
}
