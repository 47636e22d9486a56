/** The page of the inbox, as it is now. */
import { pottle } from './pages.js';
import { tickAll } from './view.js';

const SHOWN = '.addressed, .inbox > .empty, .inbox > .older';
const section = document.querySelector('.inbox');
const all = section.querySelector('[data-do=read-all]');

all.disabled = false;
all.addEventListener('click', async () => {
  all.ariaBusy = 'true';
  await Promise.all([pottle.api('DELETE', '/api/me/unread'), pottle.api('PUT', '/api/me/notices/read', {})]).catch(() => null);
  all.ariaBusy = 'false';
});

const shown = () => [...section.querySelectorAll('.addressed > li')].map(({ dataset, className }) => [Number(dataset.id), className === 'unread']);
const before = location.search.startsWith('?before=') ? location.search : '';
pottle.watch(`/api/me/inbox${before}`, ({ inbox }) => {
  const now = inbox.map(({ post, unread }) => [post.id, unread]);
  if (JSON.stringify(now) !== JSON.stringify(shown())) show();
});

/** The server has the markup. */
async function show() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok) return;
  const now = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.inbox');
  const focused = document.activeElement?.getAttribute('href');
  section.querySelectorAll(SHOWN).forEach((part) => part.remove());
  section.append(...now.querySelectorAll(SHOWN));
  tickAll(section);
  if (focused) [...section.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus({ preventScroll: true });
}
