/** The room at a glance: as soon as somebody writes, the page shows it. */
import { pottle } from './pages.js';
import { tickAll } from './view.js';

const room = document.querySelector('.room');
const { group, channel } = room.dataset;
let reading = false, again = false;

pottle.watch(`/api/groups/${group}/room${channel && `?channel=${channel}`}`, renew);
pottle.watch(`/api/groups/${group}/questions?limit=5`, renew);

/** Reads the page again until nothing has changed meanwhile. */
async function renew() {
  again = true;
  if (reading) return;
  reading = true;
  while (again) {
    again = false;
    await show().catch(() => {}); // unreachable: the watch begins anew once it can be reached
  }
  reading = false;
}

/** One source for the markup: the page itself. */
async function show() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.room .live');
  if (!fresh) return;
  tickAll(fresh);
  const shown = room.querySelector('.live');
  const focused = shown.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  shown.replaceChildren(...fresh.childNodes);
  if (focused) shown.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
