/** What a reader may ask for beyond the first page of a thread, and what happens seldom: imported when it does. */
import { Client } from '../pottle/client.js';
import { texts } from '../texts.js';
import { pageOf, sectionOf } from './thread.js';

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

/** Tells when there is a channel. */
export function awaits(thread, begun) {
  const client = new Client({ line: thread.host.line });
  return client.watch(thread.path(), (html) => sectionOf(html, client.url).dataset.channel && begun());
}

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
  const item = link.closest('.more');
  if (item) return loadReplies(thread, link, item);
  history.replaceState(history.state, '', location.pathname + location.search);
  return turnTo(thread, thread.order);
}

function loadReplies(thread, link, item) {
  const { more, later } = item.dataset;
  const { root } = item.closest('[data-root]').dataset;
  const cursor = more ? { before: more } : { after: later };
  return thread.discussion.load(link, async ({ next }) => {
    const page = await thread.page({ at: root, ...cursor });
    delete page.section.dataset.prev;
    return { ...page, next };
  });
}
