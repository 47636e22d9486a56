/** Our own pages come alive: everything here adds to HTML that is already complete for reading. */
import './language.js';
import { Account } from './account.js';
import { isTyped } from './forms.js';
import { connect } from './pottle.js';
import { follow } from './sidebar.js';
import { tickAll } from './view.js';

const TICK_MS = 30_000;

export const pottle = connect({ onSignedOut: () => account.become(null, false), onConfirm: () => account.confirm() });
export const account = new Account(pottle);
if (document.querySelector('.discussion')) (await import('./ours.js')).start(pottle, account);
const inbox = document.querySelector('.to-inbox');
if (inbox) account.onChange(unread);
if (inbox && account.me) unread();
document.querySelectorAll('.joining').forEach(async (section) => {
  const { Joining } = await import('./joining.js');
  new Joining(section, pottle, account);
});
if (document.querySelector('[data-reloads]')) account.onChange(reloads);
account.onChange(arrives);
const bell = document.querySelector('.bell');
bell?.addEventListener('click', async () => (await import('./bell.js')).opens(bell, pottle), { once: true });
const sidebar = document.getElementById('sidebar');
if (sidebar) follow(sidebar, pottle);
if (document.querySelector('[data-waiting]')) import('./manage/waiting.js');
const field = document.getElementById('searching') ?? document.getElementById('asks');
if (field) import('./searching.js').then(({ start }) => start(field, pottle));
if (navigator.serviceWorker && (isPushed() || matchMedia('(display-mode: standalone)').matches)) import('./push.js').then(({ keepsOn }) => keepsOn(pottle, account));
if (location.search.includes('word=')) import('./marked.js');
tickAll();
document.querySelector('.unready').remove();
setInterval(tickAll, TICK_MS, document);

let leaving = false; // by a form, whose answer is the next page
addEventListener('submit', (event) => { leaving ||= !event.defaultPrevented; });

/** It is another's page now. But what is typed in it stays when a session ends by itself, for whoever comes back. */
function reloads(user, byOneself) {
  if (leaving || (user && user.uid === document.body.dataset.uid)) return;
  if (user || byOneself || !isTyped(document.querySelector('main'))) location.reload();
  else account.ask();
}

/** On the front page, whoever is in one group alone is led there, as the server does. Where something is typed, nobody is led away. */
async function arrives(user, byOneself) {
  const onFront = location.pathname === document.querySelector('.brand').pathname;
  if (!sidebar || !user || !byOneself || !onFront || user.role === 'admin' || isTyped(document.querySelector('main'))) return;
  const { groups } = await pottle.api('GET', '/api/sidebar');
  const own = groups.filter(({ standing }) => standing);
  if (own.length === 1) location.assign(sidebar.dataset.groupAt + own[0].slug);
}

/** Whether somebody here wants to be told of news while no page is open. */
function isPushed() { try { return Boolean(localStorage.getItem('pottle-push')); } catch { return false; } }

/** Of somebody who is signed in, or has just done it. */
async function unread() {
  const { start } = await import('./unread.js');
  start(inbox, pottle, account);
}
