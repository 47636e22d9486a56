/** How many posts each discussion of a list has, as it is now. */

/** @param {HTMLElement} list of items with `data-group`, `data-key` and a `.tally` */
export function showTallies(list, pottle) {
  const groups = new Map();
  for (const item of list.querySelectorAll('[data-key]')) {
    const { group, key } = item.dataset;
    if (!groups.has(group)) groups.set(group, new Map());
    groups.get(group).set(key, item.querySelector('.tally'));
  }
  for (const [group, tallies] of groups) {
    const query = new URLSearchParams([['group', group], ...[...tallies.keys()].map((key) => ['key', key])]);
    pottle.watch(`/api/counts?${query}`, ({ counts }) => {
      for (const [key, tally] of tallies) show(tally, counts[key]);
    });
  }
}

function show(tally, count) {
  const said = `${count} ${count === 1 ? 'post' : 'posts'}`;
  if (tally.title === said) return;
  tally.title = said;
  tally.firstElementChild.textContent = count;
  tally.lastElementChild.textContent = said;
}
