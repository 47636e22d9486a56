/** One channel as it is read, in a page of ours or of another site: what the server rendered comes alive. */
import { PostList } from './list.js';
import { News, Status } from './news.js';
import { apply, isNewest, offer, start } from './thread.js';

/**
 * Where a discussion is read from, which our pages and those of other sites have differently.
 * @typedef {{links: import('./view.js').Links, options: object,
 *   again: (many: number) => Promise<import('./pottle.js').Page>, address: (cursor: string) => string,
 *   awaits?: (begun: () => void, onState: Function) => {close: () => void}, begin?: () => Promise<number>, told?: (change: object) => void,
 *   shown?: (page: import('./pottle.js').Page) => void}} Source
 *   `options` are those of `start` in thread.js; `again` reads what is shown, of `many` posts;
 *   `address` is where the page after one is read without scripts. Where there may be no channel yet, `awaits` waits for one, and
 *   `begin` makes it and resolves to its id. `told` hears changes, `shown` which page has been shown
 */

export class Discussion {
  #source; #news; #subscription;
  thread; live = false;
  /** What the reader does in it and has of their own: of participation.js. */
  part = null;

  /** @param {HTMLElement} section as in templates/_discussion.html @param {{subscribe: Function}} pottle @param {Source} source */
  constructor(section, pottle, source) {
    this.section = section;
    this.pottle = pottle;
    this.#source = source;
    this.list = new PostList(section, source.links);
    this.#news = new News(section, this.list);
    this.status = new Status(section.querySelector('.status'));
    const { epoch, seq, next } = section.dataset;
    this.#begin({ posts: this.list.posts, next: next || null, epoch, seq: Number(seq) });
    this.follow();
  }

  get channel() { return Number(this.section.dataset.channel); }

  get isNewest() { return isNewest(this.thread); }

  #begin(page, kept = []) { this.thread = start(page, { ...this.#source.options, kept }); }

  /** @returns {number[]} ids of posts that were not there before */
  show(thread = this.thread) {
    this.thread = thread;
    const fresh = this.list.render(thread, this.part?.answered, this.part?.withheld ?? []);
    this.part?.adapt();
    this.section.querySelector('.empty').hidden = this.list.posts.length > 0;
    const place = this.section.querySelector('.older');
    place.hidden = !thread.next;
    if (thread.next) place.firstElementChild.href = this.#source.address(thread.next);
    return fresh;
  }

  /** Shows the answer to one's own request. */
  offer(post) { return this.show(offer(this.thread, post)); }

  /** Brings a post into sight. @returns {boolean} whether it is here */
  goTo(id) {
    const article = this.list.article(Number(id));
    article?.scrollIntoView({ block: 'center', behavior: 'instant' });
    article?.focus({ preventScroll: true });
    return Boolean(article);
  }

  // what happens meanwhile

  /** From where it stands; also when it was left alone for a while. */
  follow() {
    const { epoch, seq } = this.thread;
    const onState = (state, detail) => this.#heard(state, detail);
    this.#subscription = this.channel ? this.pottle.subscribe(this.channel, {
      epoch, seq, onState, onChange: (change) => this.#changed(change), onReset: () => this.readAgain(),
    }) : this.#source.awaits(() => this.#begun(), onState);
  }

  leave() { this.#subscription.close(); }

  /** Makes the channel where there is none yet, before the first post. */
  async open() {
    if (this.channel) return;
    this.section.dataset.channel = await this.#source.begin();
    await this.#begun();
  }

  async #begun() {
    this.leave();
    await this.readAgain();
    this.follow();
  }

  #changed(change) {
    const fresh = this.show(apply(this.thread, change));
    if (change.edited) this.edited(change.edited);
    const mine = this.part?.hears(change) ?? false;
    this.#news.tell(fresh.filter(() => !mine), change.post);
    this.#source.told?.(change);
  }

  /** The channel is another than it was. */
  edited({ title, locked, state }) {
    const waits = state === 'pending'; // then everybody is told another title than moderators see
    if (!waits) this.section.querySelector('.channel-title').textContent = title;
    this.section.querySelector('.unreviewed').hidden = !waits;
    this.section.querySelector('.notice.locked').hidden = !locked;
    this.section.dataset.locked = String(locked);
    this.part?.meet();
  }

  /** Shows it as it is now. @returns {Promise<import('./pottle.js').Page>} */
  async readAgain() {
    const page = await this.#source.again(this.thread.posts.length);
    const answered = this.part?.answered ?? new Set();
    this.#begin(page, this.thread.posts.filter(({ id }) => answered.has(id)));
    this.show();
    return this.shown(page);
  }

  shown(page) {
    this.#source.shown?.(page);
    return page;
  }

  #heard(state, detail) {
    this.live = state === 'live';
    this.status.show(state, detail);
  }
}
