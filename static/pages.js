/** Our own pages come alive: everything here adds to HTML that is already complete for reading. */
import { Account } from './account.js';
import { Discussion } from './discussion.js';
import { submits } from './forms.js';
import { connect } from './pottle.js';
import { tickAll } from './view.js';

const TICK_MS = 30_000;

const pottle = connect({ onSignedOut: () => account.become(null) });
const account = new Account(pottle);
document.querySelectorAll('.discussion').forEach((section) => new Discussion(section, pottle, account));
document.querySelectorAll('form.begin').forEach(beginning);
tickAll();
setInterval(tickAll, TICK_MS, document);

/** The form that begins a discussion; its key is made from the title, so the same title finds the same discussion. */
function beginning(form) {
  const show = () => { form.hidden = !account.me; };
  account.onChange(show);
  show();
  submits(form, async ({ title }) => {
    const key = title.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
    const { id } = await pottle.api('POST', `/api/groups/${form.dataset.group}/channels`, { key: key || title.trim(), title: title.trim() });
    location.assign(form.dataset.page.replace(/0(?=\/?$)/, id));
  });
}
