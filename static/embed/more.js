/** What a reader may ask for beyond the first page of a thread, and what happens seldom: imported when it does. */
import { load } from '../older.js';
import { Client } from '../pottle/client.js';
import { add, texts } from '../texts.js';
import { pageOf, sectionOf } from './thread.js';

add({ en: {
  more: { newest: 'Older posts', oldest: 'More posts' },
  unlisted: (site) => `${site} is not among the sites of this discussion yet: you can read here, but neither sign in nor post.`,
} });

const STALE_READS = 5;
const MOST = 200; // posts that are read again at once

/** What is shown, as it is now: of one state of the channel, though it may be several pages. */
export async function again(thread, many) {
  for (let reads = 0; ; reads += 1) {
    const section = await thread.read(thread.at && { at: thread.at });
    const first = pageOf(section);
    const page = thread.at ? first : await whole(thread, first, Math.min(many, MOST));
    if (!page && reads < STALE_READS) continue;
    thread.adopt(section);
    return { ...(page ?? first), section };
  }
}

async function whole(thread, first, many) {
  let page = first;
  while (page.next && page.posts.length < many) {
    const more = await thread.page({ before: page.next });
    if (more.epoch !== first.epoch || more.seq !== first.seq) return null;
    first.section.querySelector('.posts').append(...more.section.querySelectorAll('.posts > *'));
    page = { ...page, next: more.next, posts: [...page.posts, ...more.posts] };
  }
  return page;
}

/** Takes over what says which order it is, and of which conversations answers are left out. */
export function mark({ section, order }, page) {
  section.querySelector('.older a').textContent = texts.more[order];
  for (const button of section.querySelectorAll('button[data-order]')) button.ariaPressed = String(button.dataset.order === order);
  section.querySelector('.newest').hidden = !page.dataset.prev;
  for (const conversation of page.querySelectorAll('[data-root]')) {
    const list = section.querySelector(`[data-root="${conversation.dataset.root}"] > .replies`);
    list?.querySelectorAll(':scope > .more').forEach((item) => item.remove());
    list?.prepend(...conversation.querySelectorAll('[data-more]'));
    list?.append(...conversation.querySelectorAll('[data-later]'));
  }
}

/** Keeps the answer to a GET. @returns {{close: () => void}} */
export const watched = (line, path, onValue, options) => new Client({ line }).watch(path, onValue, options);

/** Tells when there is a channel. */
export const awaits = (thread, begun, onState) => {
  const { line } = thread.host;
  return watched(line, thread.path(), (html) => sectionOf(html, line.url).dataset.channel && begun(), { onState });
};

/** Shows the page with a post. @returns {Promise<boolean>} whether there is one: it may be of another thread, or gone */
export async function find(thread, id) {
  if ((await thread.read({ at: id })).dataset.named !== String(id)) return false;
  await turnTo(thread, thread.order, id);
  return true;
}

export async function turnTo(thread, order, at) {
  Object.assign(thread, { order, at });
  try {
    await thread.discussion.readAgain();
  } catch (problem) {
    thread.discussion.status.complain(problem.message);
  }
}

/** A click on what leads elsewhere in the thread. */
export function clicked(thread, link) {
  const { order } = link.dataset;
  if (order) return turnTo(thread, order);
  if (link.closest('.older')) return load(thread.discussion, link, ({ next }) => thread.page({ before: next }));
  const item = link.closest('.more');
  if (item) return loadReplies(thread, link, item);
  history.replaceState(history.state, '', location.pathname + location.search);
  return turnTo(thread, thread.order);
}

function loadReplies(thread, link, item) {
  const { more, later } = item.dataset;
  const { root } = item.closest('[data-root]').dataset;
  const cursor = more ? { before: more } : { after: later };
  return load(thread.discussion, link, async ({ next }) => {
    const page = await thread.page({ at: root, ...cursor });
    delete page.section.dataset.prev;
    return { ...page, next };
  });
}

/** Says why nobody can take part: here for whoever reads, in the console for whoever looks after the page. */
export function unlisted({ section, host }) {
  section.querySelector('.unlisted').textContent = texts.unlisted(location.origin);
  console.warn(`Pottle: ${location.origin} is not among the sites of the group "${host.group}". Add it: ${host.line.url}/groups/${host.group}/manage#site`);
}
