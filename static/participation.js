/** What a reader does in a discussion, and what of it is theirs: posts, reactions, moderation. */
import { Composing } from './composing.js';
import { OwnPosts } from './own.js';
import { personalise } from './personal.js';
import { Reactions } from './reactions.js';
import { _ } from './texts.js';
import { apply } from './thread.js';
import { isolated, nameOf } from './view.js';

export class Participation {
  #discussion; #section; #pottle; #account; #posted; #sure; #reactions; #composing; #menu;
  own; #pending = []; #queue = { path: null, watch: null }; // what waits for a moderator here

  /**
   * @param {import('./discussion.js').Discussion} discussion @param {import('./pottle.js').Pottle} pottle
   * @param {{me: ?object, onChange: (listener: () => void) => void, ask: () => void}} account who is looking
   * @param {{elsewhere: (post: object) => void, sure?: (question: string, others: ?object) => boolean|Promise<boolean>}} options
   *   `elsewhere` shows a new post that has no place in what is shown; `sure` asks before a post is deleted, one of `others` by a moderator, or
   *   does it all and says no
   */
  constructor(discussion, pottle, account, { elsewhere, sure = (question) => window.confirm(question) }) {
    this.#discussion = discussion;
    this.#section = discussion.section;
    this.#pottle = pottle;
    this.#account = account;
    this.#posted = elsewhere;
    this.#sure = sure;
    this.#reactions = new Reactions(pottle, discussion);
    this.own = new OwnPosts(pottle, discussion);
    this.#composing = new Composing(this.#section, account, {
      send: (values, key) => this.post(values, key),
      save: (id, body, version) => this.#save(id, body, version),
      changed: () => discussion.show(),
    });
    discussion.part = this;
    this.#section.addEventListener('click', (event) => this.#clicked(event));
    account.onChange(() => this.meet());
    document.addEventListener('visibilitychange', () => document.hidden || !this.#section.isConnected || this.#learnOwn()); // of a decision nobody is told
    this.meet();
  }

  // what there is to show

  get answered() { return this.#composing.answered; }

  /** What others do not see: of one's own posts, and of those that a moderator has to judge. */
  get withheld() { return [...this.own.withheld, ...this.#pending.filter(({ id }) => !this.own.has(id))]; }

  /** What is shown has changed. */
  adapt() {
    this.#composing.adapt();
    this.#personalise();
  }

  /** @returns {boolean} whether a change is of one's own post */
  hears(change) {
    const { me } = this.#account;
    const own = this.own.has(change.post?.id);
    const mine = own || (Boolean(me) && change.post?.author?.uid === me.uid);
    if (own || (mine && change.kind !== 'post.created')) this.#learnOwn();
    return mine;
  }

  // who is looking

  get #moderates() { return this.#account.me?.role === 'admin' || (this.#account.me && this.#section.dataset.standing === 'moderator'); }

  get #locked() { return this.#section.dataset.locked === 'true'; }

  /** Shows what this reader may do, and learns how they have reacted. */
  async meet() {
    const { me } = this.#account;
    const part = (selector) => this.#section.querySelector(selector);
    this.#composing.show(this.#composing.known && (!this.#locked || this.#moderates));
    part('.invite').hidden = Boolean(me) || this.#locked;
    part('.manage').hidden = !this.#moderates;
    part('[data-do=lock]').hidden = !this.#moderates;
    part('[data-do=lock]').textContent = this.#locked ? _('Unlock') : _('Lock');
    this.#personalise();
    this.#watchQueue();
    await Promise.all([this.#reactions.learn(me), this.#learnOwn()]);
    this.#personalise();
  }

  #watchQueue() {
    const { channel } = this.#discussion;
    const path = this.#moderates && channel ? `/api/channels/${channel}/posts?state=pending` : null;
    if (path === this.#queue.path) return;
    this.#queue.watch?.close();
    const keep = (posts) => { this.#pending = posts.filter(({ state }) => state === 'pending'); this.#discussion.show(); };
    this.#queue = { path, watch: path && this.#pottle.watch(path, ({ posts }) => keep(posts)) };
    if (!path) this.#pending = [];
  }

  async #learnOwn() {
    await this.own.learn(this.#account.me);
    this.#discussion.show();
  }

  #personalise() { this.#discussion.list.each((article, post) => personalise(article, this.#reactions.of(post.id), this.#readerOf(post))); }

  /** @returns {import('./personal.js').Reader} */
  #readerOf({ id, author, state }) {
    const { me } = this.#account;
    return { mine: Boolean(me) && (author.uid === me.uid || this.own.has(id)), moderates: this.#moderates, locked: this.#locked, withheld: state !== 'published' && this.own.has(id), edit: this.own.of(id)?.edit };
  }

  // what the reader does

  async post(values, idempotencyKey) {
    await this.#discussion.open();
    const post = await this.#pottle.post(this.#discussion.channel, values, { idempotencyKey });
    if (!values.parent && !this.#discussion.isNewest) return this.#posted(post);
    if (this.#account.me) this.own.note(post);
    this.#discussion.offer(post);
    return post;
  }

  #clicked(event) {
    if (event.target.closest('[data-do=lock]')) return this.#lock();
    const button = event.target.closest('.post button');
    const article = button?.closest('.post');
    if (!article) return;
    if (button.form?.matches('.doing')) event.preventDefault(); // without scripts it leads to a page for that
    const id = Number(article.dataset.id);
    const actions = {
      pick: () => this.#open(button, id), more: () => this.#open(button, id), reply: () => this.#reply(article, id), edit: () => this.#edit(article, id), withdraw: () => this.#withdraw(id),
      remove: () => this.#remove(id),
    };
    const { kind, do: does } = button.dataset;
    if (kind) this.#react(id, kind);
    actions[does]?.();
  }

  async #open(button, id) {
    const about = (of) => ({ post: this.#shown(of), marks: this.#reactions.of(of), signedIn: Boolean(this.#account.me), ...this.#readerOf(this.#shown(of)) });
    this.#menu ??= import('./menu.js').then(({ Menu }) => new Menu(this.#section, this.#pottle, about, this.change.bind(this)));
    (await this.#menu).toggle(button, id);
  }

  async #react(id, kind) {
    if (!this.#account.me) return this.#account.ask();
    const sent = this.#reactions.toggle(id, kind);
    this.#personalise();
    try {
      this.#count(id, await sent);
    } catch (problem) {
      this.#personalise();
      this.#complain(problem.message);
    }
  }

  /** While live, the change tells the counts, in order with everybody else's; the answer may be older than that. */
  #count(id, { reactions }) {
    const { live, thread } = this.#discussion;
    if (!live) this.#discussion.show(apply(thread, { kind: 'reactions', seq: thread.seq, post: { id, reactions } }));
  }

  #reply(article, id) {
    this.#composing.reply(article, id, (post) => this.#discussion.list.article(post.id)?.focus());
  }

  /** One that waits, or was declined, is edited on. */
  #edit(article, id) {
    return this.#attempt(id, async () => {
      const post = await this.#pottle.api('GET', `/api/posts/${id}`);
      const body = this.own.of(id)?.edit?.body ?? post.body;
      this.#composing.edit(article, { ...post, body }, () => article.focus());
    });
  }

  async #save(id, body, version) {
    const post = await this.#pottle.edit(id, body, version);
    this.own.note(post);
    this.#discussion.offer(post);
  }

  #withdraw(id) {
    return this.#attempt(id, async () => {
      await this.#pottle.api('DELETE', `/api/posts/${id}/edit`);
      await this.#learnOwn();
    });
  }

  // what a moderator does

  /** The change that follows shows it, to everybody. */
  async #lock() {
    try {
      this.#discussion.edited(await this.#pottle.api('PATCH', `/api/channels/${this.#discussion.channel}`, { locked: !this.#locked }));
    } catch (problem) {
      this.#complain(problem.message);
    }
  }

  /** Approves what waits, restores what was removed, and gives marks. @param {object} fields what to change */
  change(id, fields) {
    const { version } = this.#shown(id);
    return this.#attempt(id, async () => {
      this.#discussion.offer(await this.#pottle.api('PATCH', `/api/posts/${id}`, fields, { ifMatch: `"${version}-0"` }));
    });
  }

  /** Of others' posts, a moderator removes what is to be seen here; one's own goes whatever it has become. */
  async #remove(id) {
    const post = this.#shown(id);
    const { author, version } = post;
    const { mine } = this.#readerOf(post);
    await this.#attempt(id, async () => {
      if (!await this.#sure(_('Delete this post by %(author)s?', { author: isolated(nameOf(author)) }), mine ? null : post)) return;
      await this.#pottle.remove(id, mine ? undefined : version);
      this.own.forget(id);
      const known = this.#discussion.thread.posts.find((post) => post.id === id);
      const gone = known && { ...known, version: known.version + 1, state: 'removed', html: '', reactions: {} };
      if (gone && known.state !== 'removed') this.#discussion.offer(gone);
      else this.#discussion.show();
    });
  }

  #shown(id) { return this.#discussion.list.posts.find((post) => post.id === id); }

  #complain(message) { this.#discussion.status.complain(message); }

  /** Tells why something could not be done to a post. One that is another than was seen is shown as it is now. */
  async #attempt(id, task) {
    try {
      await task();
    } catch (problem) {
      const stale = problem.status === 412;
      if (stale) this.#discussion.offer(await this.#pottle.api('GET', `/api/posts/${id}`));
      this.#complain(stale ? _('It was changed meanwhile. Please look at it again.') : problem.message);
    }
  }
}
