/** Discussions in pages of ours. */
import { ask } from './dialogs.js';
import { Discussion } from './discussion.js';
import { linksOf } from './permalinks.js';
import { load } from './older.js';
import { Participation } from './participation.js';
import { read } from './view.js';

/** Has what the page shows of discussions live. */
export function start(pottle, account) {
  document.querySelectorAll('.discussion').forEach((section) => enliven(section, pottle, account));
}

function enliven(section, pottle, account) {
  const { named, here, channel } = section.dataset;
  const before = new URLSearchParams(location.search).get('before') ?? undefined;
  const links = linksOf(pottle.url);
  const discussion = new Discussion(section, pottle, {
    links,
    options: { newest: before === undefined, conversation: Boolean(named) },
    again: (many) => (named ? conversation(location.href) : pottle.posts(channel, { before, limit: Math.min(100, Math.max(20, many)) })),
    address: (cursor) => `${here}?before=${encodeURIComponent(cursor)}`,
  });
  new Participation(discussion, pottle, account, {
    elsewhere: () => location.assign(here),
    sure: (title) => ask({ title, action: 'Delete' }),
  });
  section.querySelector('.older a').addEventListener('click', (event) => {
    event.preventDefault();
    load(discussion, event.currentTarget, ({ next }) => pottle.posts(channel, { before: next }));
  });
  discussion.goTo(named);
  const followLink = () => {
    const [, id] = /^#p(\d+)$/.exec(location.hash) ?? [];
    if (id && !discussion.list.article(Number(id))) location.replace(links.post + id); // its conversation
  };
  addEventListener('hashchange', followLink);
  followLink();
}

/** The conversation of the page at an address, as this one's was when it came. @throws {Error} with the `status` */
async function conversation(address) {
  const answer = await fetch(address, { headers: { Accept: 'text/html' } });
  const section = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.discussion');
  if (!answer.ok || !section) throw Object.assign(new Error('This conversation cannot be read.'), { status: answer.status });
  const posts = [...section.querySelectorAll('.posts .post')].map(read);
  return { posts, next: null, epoch: section.dataset.epoch, seq: Number(section.dataset.seq) };
}
