/** Discussions in pages of ours. */
import { ask } from './dialogs.js';
import { Discussion } from './discussion.js';
import { linksOf } from './permalinks.js';
import { Outbox } from './outbox.js';
import { Participation } from './participation.js';
import { Pinned } from './pinned.js';
import { Scrolling } from './scrolling.js';
import { pageOf } from './view.js';
import { _ } from './texts.js';
import { canKeep, dropDrafts, keepsDrafts } from './writing/drafts.js';

/** Has what the page shows of discussions live. */
export function start(pottle, account) {
  drafts(account);
  document.querySelectorAll('.discussion').forEach((section) => enliven(section, pottle, account));
  const helps = (target) => {
    if (target.matches('.discussion .composer textarea')) import('./writing/helps.js').then(({ help }) => help(target.form, pottle, account));
  };
  document.addEventListener('focusin', ({ target }) => helps(target));
  helps(document.activeElement);
  navigator.serviceWorker?.addEventListener('message', ({ data }) => { if (data?.pottle === 'go') location.hash = data.hash; }); // of a push that was clicked
}

/** What is typed is there again after the browser was closed, for who typed it and until they sign out. Where nothing is kept, it is said. */
function drafts(account) {
  let uid = document.body.dataset.uid;
  if (!canKeep()) return document.querySelectorAll('.composer .hint').forEach((hint) => { hint.textContent = _('Your browser keeps no drafts: send what you write before you leave.'); });
  let stop = uid ? keepsDrafts(uid) : null;
  return account.onChange((user, byOneself) => {
    stop?.();
    if (!user && uid && byOneself) dropDrafts(uid);
    uid = user?.uid;
    stop = uid ? keepsDrafts(uid) : null;
  });
}

/** What is told of a discussion beside its page. */
function attends({ section, status, channel }, pottle, account) {
  const [select, path] = [section.querySelector('.attention'), `/api/channels/${channel}/notices`];
  let { value: now } = select;
  const ask = async (...asked) => {
    try {
      ({ how: now } = await pottle.api(...asked));
    } catch (problem) {
      status.complain(problem.message);
    }
    select.value = now;
  };
  select.addEventListener('change', () => ask('PUT', path, { how: select.value }));
  account.onChange((user) => user && ask('GET', path));
  select.disabled = false;
}

function enliven(section, pottle, account) {
  const { named } = section.dataset;
  const links = linksOf(pottle.url);
  const alone = 'alone' in section.dataset;
  const scrolling = alone ? null : new Scrolling(section, pottle);
  const pinned = new Pinned(section, pottle);
  const told = (change) => pinned.hears(change);
  const discussion = new Discussion(section, pottle, { links, told, ...(alone ? ofConversation : scrolling.source) });
  new PartInOurs(discussion, pottle, account, {
    elsewhere: ({ id, channel }) => location.assign(`${pottle.url}/channels/${channel}?at=${id}#p${id}`),
    sure: (title, others) => (others ? removes(discussion, others) : ask({ title, action: _('Delete') })),
  });
  scrolling?.follow(discussion);
  attends(discussion, pottle, account);
  section.addEventListener('keydown', leaves);
  discussion.goTo(named);
  const followLink = () => {
    const [, id] = /^#p(\d+)$/.exec(location.hash) ?? [];
    if (id && !discussion.list.article(Number(id))) location.replace(links.post + id); // its conversation
  };
  addEventListener('hashchange', followLink);
  followLink();
}

/** Tells authors why a moderator removed a post of theirs, and shows what they write at once. */
class PartInOurs extends Participation {
  #discussion; #account; #outbox;

  constructor(discussion, pottle, account, options) {
    super(discussion, pottle, account, options);
    this.#discussion = discussion;
    this.#account = account;
    this.#outbox = new Outbox(discussion, account, (...post) => super.post(...post));
  }

  get withheld() { return [...super.withheld, ...((#outbox in this && this.#outbox?.posts) || [])]; }

  /** At once where it has a place in what is shown, and may be posted as far as the page knows. */
  async post(values, key) {
    const { section, isNewest } = this.#discussion;
    const atOnce = this.#account.me && section.dataset.locked !== 'true' && (values.parent ? this.#discussion.list.article(values.parent) : isNewest);
    return atOnce ? this.#outbox.take(values, key) : super.post(values, key);
  }

  adapt() {
    super.adapt();
    if (!this.#discussion) return;
    explain(this.#discussion.list, this.own);
    this.#discussion.list.each((article, { id, state, author }) => offer(article, state === 'pending' && author.uid !== this.#account?.me?.uid && !this.own.has(id), this));
    this.#outbox?.adapt();
  }

  /** What is approved or restored may be taken back. What is refused is tried alone, which tells why. */
  async change(id, fields) {
    const post = this.#discussion.list.posts.find((shown) => shown.id === id);
    if (!fields.state) return super.change(id, fields);
    try {
      const { decide } = await import('./decisions.js');
      (await decide(this.#discussion.pottle, [post], fields.state)).forEach((decided) => this.#discussion.offer(decided));
    } catch {
      await super.change(id, fields);
    }
  }
}

/** Below what waits for a moderator: to approve or remove it. */
function offer(article, waits, part) {
  const there = article.querySelector('.judging');
  if (!waits || there) return waits || there?.remove();
  const place = Object.assign(document.createElement('p'), { className: 'judging' });
  const button = (className, textContent, does) => Object.assign(document.createElement('button'), { type: 'button', className, textContent, ...does });
  const approve = button('button small', _('Approve'), { onclick: () => part.change(Number(article.dataset.id), { state: 'published' }) });
  const remove = button('quiet', _('Remove'), {});
  remove.dataset.do = 'remove';
  place.append(approve, remove);
  article.querySelector('.body').after(place);
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

/** Escape leaves a form below a post in which nothing is written. */
function leaves({ key, target, defaultPrevented }) {
  const form = target.closest('.composer.inline');
  if (key !== 'Escape' || defaultPrevented || !form) return;
  const { value, defaultValue } = form.elements.body;
  if (value.trim() === '' || value === defaultValue) form.querySelector('[data-do=cancel]').click();
}

const ofConversation = { options: { conversation: true }, again: () => conversation(location.href), address: () => '' };

/** The conversation of the page at an address, as this one's was when it came. @throws {Error} with the `status` */
async function conversation(address) {
  const answer = await fetch(address, { headers: { Accept: 'text/html' } });
  const section = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.discussion');
  if (!answer.ok || !section) throw Object.assign(new Error(_('This conversation cannot be read.')), { status: answer.status });
  return { ...pageOf(section), next: null };
}
