/** Discussions in pages of ours. */
import { ask } from './dialogs.js';
import { Discussion } from './discussion.js';
import { linksOf } from './permalinks.js';
import { load } from './older.js';
import { Participation } from './participation.js';
import { read } from './view.js';
import { _ } from './words.js';

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
  new PartInOurs(discussion, pottle, account, {
    elsewhere: () => location.assign(here),
    sure: (title, others) => (others ? removes(discussion, others) : ask({ title, action: _('Delete') })),
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

/** Tells authors why a moderator removed a post of theirs. */
class PartInOurs extends Participation {
  #discussion;

  constructor(discussion, ...more) {
    super(discussion, ...more);
    this.#discussion = discussion;
  }

  adapt() {
    super.adapt();
    if (this.#discussion) explain(this.#discussion.list, this.own);
  }
}

/** A moderator says why, and may take it back. @returns {Promise<boolean>} that there is nothing more to do */
async function removes(discussion, post) {
  const [{ askWhy }, { decide }] = await Promise.all([import('./reasons.js'), import('./decisions.js')]);
  const why = await askWhy({ title: _('Remove the post?'), action: _('Remove') });
  if (why) (await decide(discussion.pottle, [post], 'removed', why)).forEach((removed) => discussion.offer(removed));
  return false;
}

/** Below one's own posts that a moderator removed, or whose new text was declined: why. */
async function explain(list, own) {
  const told = list.posts.map(({ id }) => [id, own.of(id)?.decision ?? own.of(id)?.edit?.decision]);
  const { said } = told.some(([, decision]) => decision) || document.querySelector('.reason') ? await import('./reasons.js') : {};
  if (said) told.forEach(([id, decision]) => tell(list.article(id), decision ? said(decision) : ''));
}

function tell(article, words) {
  const there = article?.querySelector('.reason');
  if (!words || !article) return there?.remove();
  const place = there ?? Object.assign(document.createElement('p'), { className: 'reason', dir: 'auto' });
  place.textContent = words;
  if (!there) article.querySelector('.body').after(place);
}

/** The conversation of the page at an address, as this one's was when it came. @throws {Error} with the `status` */
async function conversation(address) {
  const answer = await fetch(address, { headers: { Accept: 'text/html' } });
  const section = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.discussion');
  if (!answer.ok || !section) throw Object.assign(new Error('This conversation cannot be read.'), { status: answer.status });
  const posts = [...section.querySelectorAll('.posts .post')].map(read);
  return { posts, next: null, epoch: section.dataset.epoch, seq: Number(section.dataset.seq) };
}
