/** What a reader may ask for beyond the first page of a thread, and what happens seldom: imported when it does. */
import { load } from '../older.js';
import { Client } from '../pottle/client.js';
import { _ } from '../texts.js';
import { again as readAgain, loadReplies, mark as markReplies } from '../parts.js';
import { sectionOf } from './thread.js';

/** What is shown, as it is now. */
export const again = (thread, many) => readAgain(thread, many, thread.at ? { at: thread.at } : {});

/** Takes over what says which order it is, and of which conversations answers are left out. */
export function mark(thread, page) {
  const { section, order } = thread;
  section.querySelector('.older a').textContent = order === 'newest' ? _('Older posts') : _('More posts');
  for (const button of section.querySelectorAll('button[data-order]')) button.ariaPressed = String(button.dataset.order === order);
  section.querySelector('.newest').hidden = !page.dataset.prev;
  markReplies(thread, page);
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
  if (link.closest('.more')) return loadReplies(thread, link);
  history.replaceState(history.state, '', location.pathname + location.search);
  return turnTo(thread, thread.order);
}

/** Says why nobody can take part: here for whoever reads, in the console for whoever looks after the page. */
export function unlisted({ section, host }) {
  section.querySelector('.unlisted').textContent = _('%(site)s is not among the sites of this discussion yet: you can read here, but neither sign in nor post.', { site: location.origin });
  console.warn(`Pottle: ${location.origin} is not among the sites of the group "${host.group}". Add it: ${host.line.url}/groups/${host.group}/manage#site`);
}
