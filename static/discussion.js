/** One channel as it is read, in a page of ours or of another site: what the server rendered comes alive. */
import { PostList } from './list.js';
import { News, Status } from './news.js';
import { texts } from './texts.js';
import { apply, isNewest, offer, older, start } from './thread.js';

const STALE_READS = 5;

/**
 * Where a discussion is read from, which our pages and those of other sites have differently.
 * @typedef {{links: import('./view.js').Links, options: object, before: (cursor: string) => Promise<import('./pottle.js').Page>,
 *   again: (many: number) => Promise<import('./pottle.js').Page>, address: (cursor: string) => string,
 *   awaits?: (begun: () => void) => {close: () => void}, begin?: () => Promise<number>, told?: (change: object) => void,
 *   shown?: (page: import('./pottle.js').Page) => void}} Source
 *   `options` are those of `start` in thread.js; `before` reads the page after one, `again` what is shown, of `many` posts;
 *   `address` is where a page is read without scripts. Where there may be no channel yet, `awaits` waits for one, and
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
    section.querySelector('.older a').addEventListener('click', (event) => this.#loadOlder(event));
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
    if (!this.channel) return void (this.#subscription = this.#source.awaits(() => this.#begun()));
    this.#subscription = this.pottle.subscribe(this.channel, {
      epoch, seq,
      onChange: (change) => this.#changed(change),
      onReset: () => this.readAgain(),
      onState: (state, detail) => this.#heard(state, detail),
    });
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
    this.#source.shown?.(page);
    return page;
  }

  #heard(state, detail) {
    this.live = state === 'live';
    this.status.show(state, detail);
  }

  // older posts

  #loadOlder(event) {
    event.preventDefault();
    return this.load(event.currentTarget, (thread) => this.#source.before(thread.next));
  }

  /**
   * Shows more of what was left out, which a link asks for. @param {(thread: object) => Promise<?import('./pottle.js').Page>} more
   * @returns {Promise<void>} the reader's focus is then at the first of it
   */
  async load(link, more) {
    link.ariaBusy = 'true';
    try {
      const fresh = new Set(await this.#join(more));
      [...this.section.querySelectorAll('.post')].find(({ dataset }) => fresh.has(Number(dataset.id)))?.focus({ preventScroll: true });
    } catch (problem) {
      this.status.complain(problem.message);
    } finally {
      link.ariaBusy = 'false';
    }
  }

  /** A page may be behind what we have seen by the time it comes: then it is read again. */
  async #join(more) {
    for (let reads = 0; reads < STALE_READS; reads += 1) {
      const page = await more(this.thread);
      const thread = older(this.thread, page);
      if (!thread) continue;
      const fresh = this.show(thread);
      this.#source.shown?.(page);
      return fresh;
    }
    throw new Error(texts.muchPosted);
  }
}
