/**
 * The window in which somebody signs in for a page of another site. That page gets a session of its own, which is good
 * for its origin alone; the message with it goes to no other, wherever the page may be by then.
 */
import './language.js';
import { submits } from './forms.js';
import { Joining } from './joining.js';
import { fills, offers, signIn, signUp } from './passkeys.js';
import { connect } from './pottle.js';
import { withSecond } from './second.js';

const window_ = document.querySelector('#content');
const { group, origin, ours, token, ticket } = window_.dataset; // the last two where a provider sent somebody back
const part = (name) => window_.querySelector(`[data-part=${name}]`);
const form = (name) => part(name)?.querySelector('form');
/** Who types a password here signs in for that site and not for our pages: another may sit at this machine next. */
const apart = { origin: null, storage: () => null };
const here = connect();
const pottle = ours ? here : connect({ env: apart });
let before = async () => {}; // what is still to be done once somebody has signed in

if (!opener) show('lost');
else if (token) leave(ours ? here : connect({ token, env: apart }));
else if (ticket) giveSecond({ ticket }).then(() => leave(pottle));
else begin();
document.querySelector('.unready')?.remove();

function begin() {
  if (form('go-on')) submits(form('go-on'), async () => { await hand(here); close(); });
  const arrive = async () => { await before(); await leave(pottle); };
  submits(form('sign-in'), async (values) => { if (await withSecond(() => pottle.signIn(values), giveSecond)) await arrive(); });
  if (form('sign-up')) submits(form('sign-up'), async (values) => { await pottle.signUp(values); await leave(pottle); });
  offers(form('sign-in'), async () => { await signIn(pottle); await arrive(); });
  if (form('sign-up')) offers(form('sign-up'), async (values) => { await signUp(pottle, values); await leave(pottle); });
  fills(form('sign-in'), async (more) => { await signIn(pottle, more); await arrive(); });
  const joining = new Joining(part('code').querySelector('.joining'), pottle, { become() {}, giveSecond }, {
    arrive: () => leave(pottle),
    chose: ({ token }) => leave(ours ? here : connect({ token, env: apart })),
    provider: (name, invitation) => here.api('POST', `/api/providers/${name}`, { invitation, group, origin }),
  });
  window_.addEventListener('click', ({ target }) => {
    const button = target.closest('[data-show], [data-open]');
    if (!button) return;
    before = 'open' in button.dataset ? () => joining.accept() : async () => {};
    show(button.dataset.show ?? button.dataset.open);
  });
  if (!part('go-on')) form('sign-in').elements.uid.focus();
}

/** Asks for the second factor, in this window. @returns {Promise<object>} the session */
function giveSecond({ ticket }) {
  show('second');
  return new Promise((resolve) => {
    submits(form('second'), async ({ code }) => resolve(await pottle.api('POST', '/api/session/second', { ticket, code })));
  }).then((session) => { pottle.entered(session); return session; });
}

function show(name) {
  window_.querySelectorAll('[data-part]').forEach((section) => { section.hidden = section.dataset.part !== name; });
  [...part(name).querySelectorAll('input, [tabindex]')].find((field) => field.offsetParent)?.focus();
}

/** Hands over, and ends the session that was begun for no more than that. */
async function leave(client) {
  await hand(client);
  if (!ours) await client.signOut().catch(() => {}); // it is known to this window alone
  close();
}

/** Tells the page. One of our own needs no token: the cookie counts there. */
async function hand(client) {
  const path = `/api/groups/${encodeURIComponent(group)}/sessions`;
  const { token, expires } = ours ? { token: null, expires: null } : await client.api('POST', path, { origin });
  opener.postMessage({ pottle: 'signed-in', token, expires }, origin);
  show('done');
}
