/** What stands beside every page, as it is now; and in narrow windows the drawer that it is there. */
import { showTallies } from './tallies.js';
import { ngettext } from './texts.js';

/** @param {HTMLElement} nav of templates/_sidebar.html */
export function follow(nav, pottle) {
  let tallies = { close() {} };
  pottle.watch('/api/sidebar', ({ groups }) => {
    tallies.close();
    keepingFocus(nav, () => show(nav, groups));
    tallies = showTallies(nav, pottle);
  });
  drawer(nav, document.querySelector('header.site .opens-sidebar'));
}

function show(nav, groups) {
  const { at, title, in: within, name } = nav.dataset;
  const shown = groups.map((group) => ({ ...group, channels: [...group.channels] }));
  let here = shown.find(({ slug }) => slug === within);
  if (within && !here) shown.push(here = { slug: within, name, channels: [], standing: null });
  if (at && here.channels.every(({ id }) => id !== Number(at))) here.channels.push({ id: Number(at), title, posts: 0, unread: 0 });
  nav.querySelector('.groups').replaceChildren(...shown.map((group) => section(nav, group)));
}

function section(nav, { slug, name, channels, more }) {
  const made = clone(nav, '.group-template');
  const link = made.querySelector('h2 a');
  const here = !nav.dataset.at && slug === nav.dataset.in;
  link.href = nav.dataset.groupAt + slug;
  link.querySelector('.title').textContent = name;
  if (here) link.setAttribute('aria-current', 'true');
  made.querySelector('.more').hidden = !more;
  made.querySelector('.more a').href = link.href;
  made.querySelector('ul').replaceChildren(...channels.map((channel) => line(nav, slug, channel)));
  return made;
}

function line(nav, group, { id, key, title, posts, unread }) {
  const made = clone(nav, '.line-template');
  const link = made.querySelector('a');
  link.href = nav.dataset.channel + id;
  if (String(id) === nav.dataset.at) link.setAttribute('aria-current', 'page');
  made.querySelector('.title').textContent = title;
  made.classList.toggle('unread', unread > 0);
  if (posts === undefined && !unread) Object.assign(made.dataset, { group, key });
  const count = unread || posts;
  if (count) {
    const [number, said] = made.querySelector('.tally').children;
    number.textContent = count;
    said.textContent = unread ? ngettext('%(num)s unread post', '%(num)s unread posts', count) : ngettext('%(num)s post', '%(num)s posts', count);
  }
  return made;
}

const clone = (nav, template) => nav.querySelector(template).content.firstElementChild.cloneNode(true);

function keepingFocus(nav, change) {
  const { activeElement } = document;
  const address = nav.contains(activeElement) ? activeElement.getAttribute('href') : null;
  change();
  if (address) [...nav.querySelectorAll('a')].find((link) => link.getAttribute('href') === address)?.focus({ preventScroll: true });
}

/** Opens over the page; closed by Escape, by a click beside it, by leaving it, or with the link that opened it. */
function drawer(nav, button) {
  const isOpen = () => document.body.classList.contains('drawer');
  const turn = (open) => {
    document.body.classList.toggle('drawer', open);
    button.setAttribute('aria-expanded', String(open));
  };
  const leave = () => { turn(false); button.focus(); };
  button.setAttribute('role', 'button');
  turn(false);
  button.addEventListener('keydown', (event) => { if (event.key === ' ') { event.preventDefault(); button.click(); } });
  document.addEventListener('click', (event) => {
    const { target } = event;
    const opens = button.contains(target) && !isOpen();
    if (!opens && (!isOpen() || (nav.contains(target) && !target.closest('[data-do=close-sidebar]')))) return;
    event.preventDefault();
    if (!opens) { leave(); return; }
    turn(true);
    nav.querySelector('a').focus();
  });
  nav.addEventListener('focusout', ({ relatedTarget }) => { if (isOpen() && relatedTarget && !nav.contains(relatedTarget)) turn(false); });
  document.addEventListener('keydown', ({ key }) => { if (key === 'Escape' && isOpen()) leave(); });
  matchMedia('(min-width: 64rem)').addEventListener('change', ({ matches }) => { if (matches) turn(false); });
}
