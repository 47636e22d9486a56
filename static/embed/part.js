/** What it takes to take part on pages of other sites: imported when somebody may, or begins to. */
import { Participation } from '../participation.js';
import { Asking } from '../pottle/asking.js';
import { talking } from '../talking.js';
import { _ } from '../texts.js';
import { given, pageAddress } from './host.js';

/** Watching comes later, if at all: moderators do. */
class Pottle extends talking(Asking) {
  watch(path, onValue) {
    const watch = import('./more.js').then(({ watched }) => watched(this.line, path, onValue));
    return { close: async () => (await watch).close() };
  }
}

const clientOf = ({ line }) => new Pottle({ line });

const WINDOW = 'popup,width=480,height=680';

/** Lets whoever is reading take part in a thread. */
export function takePart(thread) {
  const { discussion, host, section, listeners } = thread;
  if (discussion.part) return;
  const account = { get me() { return host.me; }, onChange: (listener) => listeners.push(listener), ask: () => asked(thread) };
  new Participation(discussion, clientOf(host), account, { elsewhere: (post) => posted(thread, post) });
  section.addEventListener('click', ({ target }) => {
    const does = target.closest('[data-do]')?.dataset.do;
    if (does === 'sign-in') asked(thread);
    if (does === 'sign-out') leave(host).catch((problem) => discussion.status.complain(problem.message));
  });
  const hang = () => host.me && import('./bell.js').then(({ hang }) => hang(thread, clientOf(host)));
  listeners.push(hang);
  hang();
}

/** The channel of a page that has none yet. @returns {Promise<number>} its id */
export async function begin({ element, host, key }) {
  const about = { title: given(element, 'title') || document.title || key, url: given(element, 'url') || pageAddress().href };
  const channel = await clientOf(host).channel(host.group, key, about);
  if (!channel) throw new Error(_('You may not begin a discussion here.'));
  return channel.id;
}

/** A post of one's own that has no place in what is shown: then it is looked up. */
async function posted(thread, { id }) {
  const { turnTo } = await thread.more();
  await turnTo(thread, thread.order, thread.order === 'oldest' ? id : undefined);
  thread.goTo(id);
}

// who is reading: other than on our own pages it takes no cookie

/** Signs in whom the page's own site knows. @param {string} token a JWT by the group's secret */
export async function signIn(host, token) {
  await enter(host, await clientOf(host).api('POST', `/api/groups/${encodeURIComponent(host.group)}/sso`, { token }));
}

export async function leave(host) {
  await clientOf(host).signOut();
  host.become(null);
}

async function enter(host, given) {
  host.line.enter(given);
  host.become(given.user ?? await clientOf(host).me());
}

/**
 * Opens the server's window, which hands over a token for this site. Call it while the reader's click is fresh: browsers
 * refuse windows that nobody asked for. @returns {boolean} whether it opened
 */
export function ask(host) {
  const { url } = host.line;
  const opened = window.open(`${url}/sign-in?${new URLSearchParams({ group: host.group, origin: location.origin })}`, 'pottle-sign-in', WINDOW);
  const heard = ({ origin, source, data }) => {
    if (origin !== new URL(url).origin || source !== opened || data?.pottle !== 'signed-in') return;
    removeEventListener('message', heard);
    enter(host, data);
  };
  if (opened) addEventListener('message', heard);
  return Boolean(opened);
}

function asked({ host, discussion }) {
  if (!ask(host)) discussion.status.complain(_('Your browser did not open the window to sign in. Please allow it for this page.'));
}
