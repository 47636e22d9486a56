/** More of a discussion, below what is shown or between. */
import { _ } from './texts.js';
import { older } from './thread.js';

const STALE_READS = 5;

/**
 * Shows more of what was left out, which a link asks for.
 * @param {import('./discussion.js').Discussion} discussion
 * @param {(thread: object) => Promise<import('./pottle.js').Page>} read
 * @param {boolean} [focuses] whether the reader's focus is then at the first of it
 * @returns {Promise<boolean>} whether it came
 */
export async function load(discussion, link, read, focuses = true) {
  link.ariaBusy = 'true';
  try {
    const fresh = new Set(await join(discussion, read));
    if (focuses) [...discussion.section.querySelectorAll('.post')].find(({ dataset }) => fresh.has(Number(dataset.id)))?.focus({ preventScroll: true });
    return true;
  } catch (problem) {
    discussion.status.complain(problem.message);
    return false;
  } finally {
    link.ariaBusy = 'false';
  }
}

/** A page may be behind what we have seen by the time it comes: then it is read again. */
async function join(discussion, read) {
  for (let reads = 0; reads < STALE_READS; reads += 1) {
    const page = await read(discussion.thread);
    const thread = older(discussion.thread, page);
    if (!thread) continue;
    const fresh = discussion.show(thread);
    discussion.shown(page);
    return fresh;
  }
  throw new Error(_('Much is being posted just now. Please try again.'));
}
