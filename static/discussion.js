/** One channel in the page: what the server rendered comes alive, and the reader can take part. */
import { Composing } from './composing.js';
import { PostList } from './list.js';
import { News, Status } from './news.js';
import { OwnPosts } from './own.js';
import { Reactions } from './reactions.js';
import { apply, isNewest, offer, older, start } from './thread.js';
import { addressOf, isolated, nameOf } from './view.js';

const STALE_READS = 5;
const CHANGED = 'It was changed meanwhile. Please look at it again.';

export class Discussion {
  #section; #pottle; #account; #channel; #thread; #list; #news; #status;
  #before = new URLSearchParams(location.search).get('before') ?? undefined;
  #reactions; #own; #composing; #live = false;

  constructor(section, pottle, account) {
    this.#section = section;
    this.#pottle = pottle;
    this.#account = account;
    this.#channel = Number(section.dataset.channel);
    this.#reactions = new Reactions(pottle, this.#channel);
    this.#own = new OwnPosts(pottle, this.#channel);
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
    document.addEventListener('visibilitychange', () => document.hidden || this.#learnOwn()); // of a decision nobody is told
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
    const fresh = this.#list.render(thread, this.#composing.answered, this.#own.withheld);
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
    const mine = Boolean(me) && change.post?.author?.uid === me.uid;
    this.#news.tell(fresh.filter(() => !mine), change.post);
    if (mine && (change.kind !== 'post.created' || this.#own.has(change.post.id))) this.#learnOwn();
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
    await Promise.all([this.#reactions.learn(me), this.#learnOwn()]);
    this.#personalise();
  }

  async #learnOwn() {
    await this.#own.learn(this.#account.me);
    this.#show(this.#thread);
  }

  #personalise() {
    const { me } = this.#account;
    this.#list.personalise((post) => ({
      mine: Boolean(me) && post.author.uid === me.uid, moderates: this.#moderates, locked: this.#locked,
      marks: this.#reactions.of(post.id), withheld: this.#own.has(post.id), edit: this.#own.edit(post.id),
    }));
  }

  // what the reader does

  async #post(values, idempotencyKey) {
    const post = await this.#pottle.post(this.#channel, values, { idempotencyKey });
    if (!values.parent && !isNewest(this.#thread)) return location.assign(this.#section.dataset.here);
    if (this.#account.me) this.#own.note(post);
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
    const actions = { pick: togglePicker, reply: () => this.#reply(article, id), edit: () => this.#edit(article, id), withdraw: () => this.#withdraw(id), remove: () => this.#remove(id), restore: () => this.#restore(id) };
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

  /** One that waits, or was declined, is edited on. */
  #edit(article, id) {
    return this.#attempt(id, async () => {
      const post = await this.#pottle.api('GET', `/api/posts/${id}`);
      const body = this.#own.edit(id)?.body ?? post.body;
      this.#composing.edit(article, { ...post, body }, () => article.focus());
    });
  }

  async #save(id, body, version) {
    const post = await this.#pottle.edit(id, body, version);
    this.#own.note(post);
    this.#show(offer(this.#thread, post));
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
      this.#edited(await this.#pottle.api('PATCH', `/api/channels/${this.#channel}`, { locked: !this.#locked }));
    } catch (problem) {
      this.#status.complain(problem.message);
    }
  }

  #restore(id) {
    const { version } = this.#shown(id);
    return this.#attempt(id, async () => {
      this.#show(offer(this.#thread, await this.#pottle.api('PATCH', `/api/posts/${id}`, { state: 'published' }, { ifMatch: `"${version}-0"` })));
    });
  }

  /** Of others' posts, a moderator removes what is to be seen here; one's own goes whatever it has become. */
  #remove(id) {
    const { author, version } = this.#shown(id);
    if (!window.confirm(`Delete this post by ${isolated(nameOf(author))}?`)) return undefined;
    const mine = author.uid === this.#account.me?.uid;
    return this.#attempt(id, async () => {
      await this.#pottle.remove(id, mine ? undefined : version);
      this.#own.forget(id);
      const known = this.#thread.posts.find((post) => post.id === id);
      const gone = known && { ...known, version: known.version + 1, state: 'removed', html: '', reactions: {} };
      this.#show(gone && known.state !== 'removed' ? offer(this.#thread, gone) : this.#thread);
    });
  }

  #shown(id) { return this.#list.posts.find((post) => post.id === id); }

  /** Tells why something could not be done to a post. One that is another than was seen is shown as it is now. */
  async #attempt(id, task) {
    try {
      await task();
    } catch (problem) {
      const stale = problem.status === 412;
      if (stale) this.#show(offer(this.#thread, await this.#pottle.api('GET', `/api/posts/${id}`)));
      this.#status.complain(stale ? CHANGED : problem.message);
    }
  }
}

function togglePicker(article, on) {
  const open = article.classList.toggle('picking', on);
  article.querySelector('[data-do=pick]').setAttribute('aria-expanded', String(open));
}
