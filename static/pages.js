/** Our own pages come alive: everything here adds to HTML that is already complete for reading. */
import { Account } from './account.js';
import { Discussion } from './discussion.js';
import { isTyped, submits } from './forms.js';
import { connect } from './pottle.js';
import { tickAll } from './view.js';

const TICK_MS = 30_000;

export const pottle = connect({ onSignedOut: () => account.become(null, false), onConfirm: () => account.confirm() });
export const account = new Account(pottle);
document.querySelectorAll('.discussion').forEach((section) => new Discussion(section, pottle, account));
document.querySelectorAll('form.begin').forEach(beginning);
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

/** The key of a discussion is made from its title, so the same title finds the same discussion. */
export function keyOf(title) {
  const key = title.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  return key || title.trim();
}

/** The form that begins a discussion. */
function beginning(form) {
  const show = () => { form.hidden = !account.me && !isTyped(form); };
  account.onChange(show);
  show();
  submits(form, async ({ title }) => {
    const { id } = await pottle.api('POST', `/api/groups/${form.dataset.group}/channels`, { key: keyOf(title), title: title.trim() });
    location.assign(form.dataset.page.replace(/0(?=\/?$)/, id));
  });
}
