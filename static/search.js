/** The page of search: more of what was found in place, and filters that count as soon as they are chosen. */
import './pages.js';
import { tickAll } from './view.js';

const found = document.querySelector('.found');
const filters = document.getElementById('narrows');

filters.addEventListener('change', () => {
  filters.elements.q.value = document.getElementById('asks').elements.q.value;
  filters.requestSubmit();
});

found.addEventListener('click', async (event) => {
  const link = event.target.closest('.older a');
  if (!link) return;
  event.preventDefault();
  if (link.ariaBusy === 'true') return;
  link.ariaBusy = 'true';
  const answer = await fetch(link.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok) { location.assign(link.href); return; }
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const items = [...page.querySelectorAll('.hits > li')];
  found.querySelector('.hits').append(...items);
  tickAll(found);
  items[0]?.querySelector('a').focus({ preventScroll: true });
  const more = page.querySelector('.found .older');
  if (more) link.closest('.older').replaceWith(more);
  else link.closest('.older').remove();
});

const narrow = matchMedia('(max-width: 59.99rem)');
const fold = () => { found.querySelector('.narrows').open = !narrow.matches; };
narrow.addEventListener('change', fold);
fold();
