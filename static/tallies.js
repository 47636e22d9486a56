/** How many posts each discussion of a list has, as it is now. */
import { ngettext } from './texts.js';

/**
 * @param {HTMLElement} list with items that have `data-group`, `data-key` and a `.tally`
 * @returns {{close: () => void}} to be told no more
 */
export function showTallies(list, pottle) {
  const groups = new Map();
  for (const item of list.querySelectorAll('[data-key]')) {
    const { group, key } = item.dataset;
    if (!groups.has(group)) groups.set(group, new Map());
    groups.get(group).set(key, item.querySelector('.tally'));
  }
  const watches = [...groups].map(([group, tallies]) => {
    const query = new URLSearchParams([['group', group], ...[...tallies.keys()].map((key) => ['key', key])]);
    return pottle.watch(`/api/counts?${query}`, ({ counts }) => {
      for (const [key, tally] of tallies) show(tally, counts[key]);
    });
  });
  return { close: () => watches.forEach((watch) => watch.close()) };
}

function show(tally, count) {
  const [number, said] = tally.children;
  number.textContent = count || '';
  said.textContent = count ? ngettext('%(num)s post', '%(num)s posts', count) : '';
}
