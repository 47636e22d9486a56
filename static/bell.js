/** What is new for somebody, in a panel below the bell: replies, mentions, decisions on their posts, and what waits for them. */
import { _, ngettext } from './texts.js';
import { ago, isolated, made, nameOf } from './view.js';

const GAP = 6; // pixels

/** How much is new, on the bell. @param {HTMLElement} button with a `.many` */
export function tally(button, unread) {
  const [number, said] = button.querySelector('.many').children;
  number.textContent = unread > 99 ? '99+' : unread || '';
  said.textContent = unread ? ngettext('%(num)s is new', '%(num)s are new', unread) : '';
  button.classList.toggle('has-news', unread > 0);
}

/** The bell of our own pages: from now on a click opens it. */
export function opens(button, pottle) {
  const base = pottle.url;
  new Bell(button, pottle, { base, post: ({ channel, post }) => `${base}/channels/${channel}?at=${post}#p${post}` }).open();
}

export class Bell {
  #button; #pottle; #links; #watch = null; #panel = made('div', { className: 'news', popover: 'auto' });

  /**
   * @param {HTMLButtonElement} button @param {{api: Function, watch: Function}} pottle as in pottle.js
   * @param {{base: string, post: (notice: object) => string, target?: string}} links where things are read
   */
  constructor(button, pottle, links) {
    Object.assign(this.#panel, { role: 'dialog', ariaLabel: _('What is new') });
    this.#button = button;
    this.#pottle = pottle;
    this.#links = links;
    button.after(this.#panel);
    button.popoverTargetElement = this.#panel;
    this.#panel.addEventListener('toggle', ({ newState }) => this.#toggled(newState === 'open'));
    this.#panel.addEventListener('click', (event) => this.#clicked(event));
  }

  open() { this.#panel.showPopover(); }

  #toggled(open) {
    this.#watch?.close();
    if (open) this.#show({ unread: 0, waiting: [], notices: null });
    this.#watch = open ? this.#pottle.watch('/api/me/notices', (news) => this.#show(news)) : null;
  }

  #show({ unread, waiting, notices }) {
    const { base, target = '' } = this.#links;
    const link = (path, textContent) => made('a', { href: base + path, target, textContent });
    const all = made('button', { type: 'button', className: 'link', textContent: _('Mark all as read'), hidden: !unread });
    all.dataset.do = 'read-all';
    const title = made('p', { className: 'title' });
    title.append(made('b', { textContent: _('What is new') }), all);
    const items = made('ul');
    items.append(...waiting.map(({ slug, name, waiting: many }) => this.#waiting(link(`/groups/${slug}/queue`), name, many)), ...(notices ?? []).map((notice) => this.#item(notice, target)));
    const none = made('p', { className: 'none', textContent: notices ? _('Nothing yet.') : _('One moment…'), hidden: items.children.length > 0 });
    const ways = made('p', { className: 'ways' });
    ways.append(link('/inbox', _('Inbox')), ' ', link('/account/messages', _('What I am told')));
    const focused = this.#panel.contains(this.#panel.getRootNode().activeElement) && this.#panel.getRootNode().activeElement.dataset.key;
    this.#panel.replaceChildren(title, items, none, ways);
    if (focused) this.#panel.querySelector(`[data-key="${focused}"]`)?.focus();
    this.#place();
  }

  #waiting(link, name, many) {
    const item = made('li', { className: 'unread' });
    link.append(made('span', { className: 'who', textContent: ngettext('%(num)s waits for you', '%(num)s wait for you', many) }), made('span', { className: 'where', textContent: name }));
    item.append(link);
    return item;
  }

  #item(notice, target) {
    const { kind, post, words, title, group_name: group, created, unread } = notice;
    const item = made('li', { className: unread ? 'unread' : '' });
    const href = notice.statement ? `${this.#links.base}/decisions/${notice.statement}` : this.#links.post(notice);
    const link = made('a', { href, target: href.split('#')[0] === location.href.split('#')[0] ? '' : target });
    link.dataset.key = `${kind}${post}`;
    if (kind === 'decided' && unread) link.dataset.decided = post;
    const who = made('span', { className: 'who', textContent: happened(notice) });
    if (unread) who.append(' ', made('span', { className: 'badge', textContent: _('New') }));
    const where = `${isolated(title)} · ${isolated(group)} · ${ago((new Date(created) - Date.now()) / 1000)}`;
    link.append(who, made('span', { className: 'words', dir: 'auto', textContent: words }), made('span', { className: 'where', textContent: where }));
    item.append(link);
    return item;
  }

  #clicked(event) {
    const all = event.target.closest('[data-do=read-all]');
    if (all) this.#read(all);
    const link = event.target.closest('a');
    if (link?.dataset.decided) this.#follow(event, link);
    else if (link && !link.target) this.#panel.hidePopover(); // it may lead to a place in this page
  }

  /** A decision was read once it is followed: its page does not tell. */
  async #follow(event, link) {
    const here = !link.target && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (here) event.preventDefault();
    await this.#pottle.api('PUT', '/api/me/notices/read', { posts: [Number(link.dataset.decided)] }).catch(() => null);
    if (here) location.assign(link.href);
  }

  async #read(button) {
    button.disabled = true;
    await this.#pottle.api('PUT', '/api/me/notices/read', {}).then(() => this.#button.focus(), (problem) => { button.replaceWith(problem.message); });
  }

  /** Below the bell or above it, where there is more room, and within the window. */
  #place() {
    const [at, { style }] = [this.#button.getBoundingClientRect(), this.#panel];
    const [below, above] = [innerHeight - at.bottom - 2 * GAP, at.top - 2 * GAP];
    const up = below < 240 && above > below;
    style.maxHeight = `${Math.min(512, up ? above : below)}px`;
    const { width, height } = this.#panel.getBoundingClientRect();
    style.left = `${Math.max(GAP, Math.min(at.right - width, innerWidth - width - GAP)) + scrollX}px`;
    style.top = `${(up ? at.top - height - GAP : at.bottom + GAP) + scrollY}px`;
  }
}

function happened({ kind, author, verdict }) {
  const name = isolated(nameOf(author));
  if (kind === 'reply') return _('%(name)s replied to you', { name });
  if (kind === 'mention') return _('%(name)s mentioned you', { name });
  return { approved: _('What you wrote is public now'), removed: _('Your post was removed'), declined: _('Your new text was declined'), upheld: _('Your appeal was answered: the decision stays') }[verdict];
}
