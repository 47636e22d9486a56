/** How much waits for a moderator, beside the links that lead there. */
import { pottle } from '../pages.js';

pottle.watch('/api/queue/counts', ({ groups }) => {
  for (const place of document.querySelectorAll('[data-waiting]')) {
    const { waiting: slug, kind = 'waiting' } = place.dataset;
    const count = groups.reduce((sum, group) => sum + (slug === '*' || slug === group.slug ? group[kind] : 0), 0);
    for (const link of [place.closest('a.waits')].filter(Boolean)) link.hidden = count === 0;
    place.closest('.ways li')?.classList.toggle('unread', count > 0);
    Object.assign(place, { textContent: count.toLocaleString(document.documentElement.lang), hidden: count === 0 });
  }
});
