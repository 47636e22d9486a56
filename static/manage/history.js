/** Somebody's history, on its page. */
import { pottle } from '../pages.js';
import { acts, read } from './person.js';

function show(history) {
  acts(history, pottle, async () => {
    const now = await read(location.href);
    if (!now) return location.reload();
    history.replaceWith(now);
    show(now);
  });
}

show(document.querySelector('.history'));
