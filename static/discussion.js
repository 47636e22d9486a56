/** One channel in the page: what the server rendered comes alive, and the reader can take part. */
import { Composing } from './composing.js';
import { PostList } from './list.js';
import { News, Status } from './news.js';
import { Reactions } from './reactions.js';
import { apply, isNewest, offer, older, start } from './thread.js';
import { addressOf, isolated, nameOf } from './view.js';

const STALE_READS = 5;

export class Discussion {
  #section; #pottle; #account; #channel; #thread; #list; #news; #status;
  #before = new URLSearchParams(location.search).get('before') ?? undefined;
  #reactions; #composing; #live = false;

  constructor(section, pottle, account) {
    this.#section = section;
    this.#pottle = pottle;
    this.#account = account;
    this.#channel = Number(section.dataset.channel);
    this.#reactions = new Reactions(pottle, this.#channel);
    this.#list = new PostList(section, pottle.url);
    this.#news = new News(section, this.#list);
    this.#status = new Status(section.querySelector('.status'));
    const { epoch, seq, next } = section.dataset;
    this.#begin({ posts: this.#list.posts, next: next || null, epoch, seq: Number(seq) });
    this.#composing = new Composing(section, account, {
      send: (values, key) => this.#post(values, key),
      save: (id, body, version) => this.#save(id, body, version),
      changed: () => this.#show(this.#thread),
    });
    section.addEventListener('click', (event) => this.#clicked(event));
    account.onChange(() => this.#meet());
    this.#meet();
    this.#follow();
    this.#goTo(section.dataset.named);
    addEventListener('hashchange', () => this.#followLink());
    this.#followLink();
  }

  /** A link to a post that is not on this page leads to its conversation. */
  #followLink() {
    const [, id] = /^#p(\d+)$/.exec(location.hash) ?? [];
    if (id && !this.#list.article(Number(id))) location.replace(addressOf(id, this.#pottle.url));
  }

  #goTo(id) {
    const article = this.#list.article(Number(id));
    article?.scrollIntoView({ block: 'center', behavior: 'instant' });
    article?.focus({ preventScroll: true });
  }

  // what there is to show

  #begin(page, kept = []) {
    const { named } = this.#section.dataset;
    this.#thread = start(page, { newest: this.#before === undefined, conversation: Boolean(named), kept });
  }

  #show(thread) {
    this.#thread = thread;
    const fresh = this.#list.render(thread, this.#composing.answered);
    this.#composing.adapt();
    this.#personalise();
    this.#section.querySelector('.empty').hidden = this.#list.posts.length > 0;
    this.#section.querySelector('.older').hidden = !thread.next;
    if (thread.next) this.#olderLink.href = `${this.#section.dataset.here}?before=${encodeURIComponent(thread.next)}`;
    return fresh;
  }

  get #olderLink() { return this.#section.querySelector('.older a'); }

  #follow() {
    const { epoch, seq } = this.#thread;
    this.#pottle.subscribe(this.#channel, {
      epoch, seq,
      onChange: (change) => this.#changed(change),
      onReset: () => this.#readAgain(),
      onState: (state, detail) => this.#heard(state, detail),
    });
  }

  #changed(change) {
    const fresh = this.#show(apply(this.#thread, change));
    if (change.edited) this.#edited(change.edited);
    const { me } = this.#account;
    this.#news.tell(fresh.filter(() => !me || change.post?.author?.uid !== me.uid), change.post);
  }

  async #readAgain() {
    const limit = Math.min(100, Math.max(20, this.#thread.posts.length));
    const conversation = this.#section.dataset.named && PostList.readAgain(location.href);
    const page = await (conversation || this.#pottle.posts(this.#channel, { before: this.#before, limit }));
    const { answered } = this.#composing;
    this.#begin(page, this.#thread.posts.filter(({ id }) => answered.has(id)));
    this.#show(this.#thread);
    return page;
  }

  #heard(state, detail) {
    this.#live = state === 'live';
    this.#status.show(state, detail);
  }

  #edited({ title, locked, state }) {
    const waits = state === 'pending'; // then everybody is told another title than moderators see
    if (!waits) this.#section.querySelector('.channel-title').textContent = title;
    this.#section.querySelector('.unreviewed').hidden = !waits;
    this.#section.dataset.locked = String(locked);
    this.#meet();
  }

  // who is looking

  get #moderates() { return this.#account.me?.role === 'admin' || (this.#account.me && this.#section.dataset.standing === 'moderator'); }

  get #locked() { return this.#section.dataset.locked === 'true'; }

  /** Shows what this reader may do, and learns how they have reacted. */
  async #meet() {
    const { me } = this.#account;
    const part = (selector) => this.#section.querySelector(selector);
    part('.notice.locked').hidden = !this.#locked;
    this.#composing.show(this.#composing.known && (!this.#locked || this.#moderates));
    part('.invite').hidden = Boolean(me) || this.#locked;
    part('.manage').hidden = !this.#moderates;
    part('[data-do=lock]').hidden = !this.#moderates;
    part('[data-do=lock]').textContent = this.#locked ? 'Unlock' : 'Lock';
    this.#personalise();
    await this.#reactions.learn(me);
    this.#personalise();
  }

  #personalise() {
    const { me } = this.#account;
    this.#list.personalise((post) => ({
      mine: Boolean(me) && post.author.uid === me.uid, moderates: this.#moderates, locked: this.#locked,
      marks: this.#reactions.of(post.id),
    }));
  }

  // what the reader does

  async #post(values, idempotencyKey) {
    const post = await this.#pottle.post(this.#channel, values, { idempotencyKey });
    if (!values.parent && !isNewest(this.#thread)) return location.assign(this.#section.dataset.here);
    this.#show(offer(this.#thread, post));
    return post;
  }

  #clicked(event) {
    const link = event.target.closest('.older a');
    if (link) return this.#loadOlder(event, link);
    if (event.target.closest('[data-do=lock]')) return this.#lock();
    const button = event.target.closest('.post button');
    const article = button?.closest('.post');
    if (!article) return;
    const id = Number(article.dataset.id);
    if (button.dataset.kind) this.#react(article, id, button.dataset.kind);
    const actions = { pick: togglePicker, reply: () => this.#reply(article, id), edit: () => this.#edit(article, id), remove: () => this.#remove(article, id), restore: () => this.#restore(id) };
    actions[button.dataset.do]?.(article);
  }

  async #loadOlder(event, link) {
    event.preventDefault();
    link.ariaBusy = 'true';
    try {
      const fresh = this.#show(await this.#olderThread());
      this.#list.article(fresh[0])?.focus({ preventScroll: true });
    } catch (problem) {
      this.#status.complain(problem.message);
    } finally {
      link.ariaBusy = 'false';
    }
  }

  /** A page may be behind what we have seen by the time it comes: then it is read again. */
  async #olderThread() {
    for (let reads = 0; reads < STALE_READS; reads += 1) {
      const page = await this.#pottle.posts(this.#channel, { before: this.#thread.next });
      const thread = older(this.#thread, page);
      if (thread) return thread;
    }
    throw new Error('Much is being posted just now. Please try again.');
  }

  async #react(article, id, kind) {
    togglePicker(article, false);
    if (!this.#account.me) return this.#account.ask();
    const sent = this.#reactions.toggle(id, kind);
    this.#personalise();
    try {
      this.#count(id, await sent);
    } catch (problem) {
      this.#personalise();
      this.#status.complain(problem.message);
    }
  }

  /** While live, the change tells the counts, in order with everybody else's; the answer may be older than that. */
  #count(id, { reactions }) {
    if (!this.#live) this.#show(apply(this.#thread, { kind: 'reactions', seq: this.#thread.seq, post: { id, reactions } }));
  }

  #reply(article, id) {
    this.#composing.reply(article, id, (post) => this.#list.article(post.id)?.focus());
  }

  async #edit(article, id) {
    try {
      this.#composing.edit(article, await this.#pottle.api('GET', `/api/posts/${id}`), () => article.focus());
    } catch (problem) {
      this.#status.complain(problem.message);
    }
  }

  async #save(id, body, version) {
    this.#show(offer(this.#thread, await this.#pottle.edit(id, body, version)));
  }

  // what a moderator does

  /** The change that follows shows it, to everybody. */
  async #lock() {
    try {
      this.#edited(await this.#pottle.api('PATCH', `/api/channels/${this.#channel}`, { locked: !this.#locked }));
    } catch (problem) {
      this.#status.complain(problem.message);
    }
  }

  async #restore(id) {
    try {
      this.#show(offer(this.#thread, await this.#pottle.api('PATCH', `/api/posts/${id}`, { state: 'published' })));
    } catch (problem) {
      this.#status.complain(problem.message);
    }
  }

  async #remove(article, id) {
    const author = nameOf(this.#thread.posts.find((post) => post.id === id).author);
    if (!window.confirm(`Delete this post by ${isolated(author)}?`)) return;
    try {
      await this.#pottle.remove(id);
      const { version, ...post } = this.#thread.posts.find((known) => known.id === id) ?? {};
      if (post.state !== 'removed') this.#show(offer(this.#thread, { ...post, version: version + 1, state: 'removed', html: '', reactions: {} }));
    } catch (problem) {
      this.#status.complain(problem.message);
    }
  }
}

function togglePicker(article, on) {
  const open = article.classList.toggle('picking', on);
  article.querySelector('[data-do=pick]').setAttribute('aria-expanded', String(open));
}
