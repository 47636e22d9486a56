/** A discussion in parts: pages of whole conversations, and those replies that were left out of long ones. */
import { load } from './older.js';

const STALE_READS = 5;
const MOST = 200; // posts that are read again at once

/**
 * What is shown, as it is now: of one state of the channel, though it may be several pages. From a post onward it is one.
 * @param {{read: (params: object) => Promise<HTMLElement>, page: (params: object) => Promise<object>, adopt: (section: HTMLElement) => void}} thread
 * @param {object} start where what is shown begins
 */
export async function again(thread, many, start) {
  for (let reads = 0; ; reads += 1) {
    const first = await thread.page(start);
    const page = start.at ? first : await whole(thread, first, Math.min(many, MOST));
    if (!page && reads < STALE_READS) continue;
    thread.adopt(first.section);
    return page ?? first;
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

/** Takes over of which conversations answers are left out. */
export function mark({ section }, page) {
  for (const conversation of page.querySelectorAll('[data-root]')) {
    const list = section.querySelector(`[data-root="${conversation.dataset.root}"] > .replies`);
    list?.querySelectorAll(':scope > .more').forEach((item) => item.remove());
    list?.prepend(...conversation.querySelectorAll('[data-more]'));
    list?.append(...conversation.querySelectorAll('[data-later]'));
  }
}

/** More of the replies to a conversation: those that the link in a `.more` stands for. */
export function loadReplies(thread, link) {
  const item = link.closest('.more');
  const { more, later } = item.dataset;
  const { root } = item.closest('[data-root]').dataset;
  const cursor = more ? { before: more } : { after: later };
  return load(thread.discussion, link, async ({ next }) => ({ ...await thread.page({ at: root, ...cursor }), next }));
}
