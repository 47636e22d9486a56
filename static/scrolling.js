/** The discussion of a page of ours: more of it as one scrolls, and from anywhere in it. */
import { load } from './older.js';
import { again, loadReplies, mark } from './parts.js';
import { pageOf } from './view.js';
import { _ } from './texts.js';

const AHEAD = '800px'; // below what is in sight

export class Scrolling {
  discussion = null;
  options = { whole: true };
  #url; #start;

  /** @param {HTMLElement} section as in templates/_discussion.html */
  constructor(section, pottle) {
    this.section = section;
    this.#url = `${pottle.url}/channels/${section.dataset.channel}`;
    this.#start = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => ['at', 'before', 'after', 'limit'].includes(name)));
    this.adopt(section);
  }

  get order() { return this.section.dataset.order; }

  get source() {
    const { here } = this.section.dataset;
    return {
      options: this.options,
      again: (many) => again(this, many, this.#start),
      address: (before) => `${here}?${new URLSearchParams({ order: this.order, before })}`,
      shown: ({ section }) => mark(this, section),
    };
  }

  async read(params) {
    const { limit } = this.#start;
    const asked = new URLSearchParams({ order: this.order, ...(limit && { limit }), ...params });
    const answer = await fetch(`${this.#url}/thread?${asked}`, { headers: { Accept: 'text/html' } }).catch(() => ({ status: 0 }));
    if (!answer.ok) throw Object.assign(new Error(_('More cannot be read just now. Please try again.')), { status: answer.status });
    return new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('section');
  }

  async page(params) { return pageOf(await this.read(params)); }

  adopt({ dataset: { prev } }) {
    Object.assign(this.options, { newest: !prev, oldest: this.order === 'oldest' });
    this.section.dataset.prev = prev;
    const newest = this.section.querySelector('.newest');
    newest.hidden = !prev;
    newest.querySelector('.newer').href = `${this.section.dataset.here}?${new URLSearchParams({ order: this.order, after: prev })}`;
  }

  /** Takes over the links to more, once the discussion is there. */
  follow(discussion) {
    this.discussion = discussion;
    const { list } = discussion;
    if (this.order === 'active') list.sort = (items) => items.sort((one, other) => newestIn(other) - newestIn(one));
    this.section.addEventListener('click', (event) => {
      const link = event.target.closest('.more a, .newer, .older a');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (link.ariaBusy === 'true') return;
      if (link.matches('.more a')) loadReplies(this, link);
      else if (link.matches('.newer')) this.#loadNewer(link);
      else this.#loadOlder(link);
    });
    addEventListener('scroll', () => this.#loadOnScroll(), { once: true, passive: true });
  }

  #loadOlder(link, focuses) { return load(this.discussion, link, ({ next }) => this.page({ before: next }), focuses); }

  /** What stands above: from then on the page begins there. */
  async #loadNewer(link) {
    let page;
    const { prev } = this.section.dataset;
    const first = this.section.querySelector('.post');
    const top = () => first.getBoundingClientRect().top;
    const before = top();
    await load(this.discussion, link, async ({ next }) => { page = await this.page({ after: prev }); return { ...page, next }; }, false);
    if (!page) return;
    scrollBy({ top: top() - before, behavior: 'instant' }); // what was at the top stays where it was
    this.adopt(page.section);
    this.#start = page.section.dataset.prev ? { at: page.section.querySelector('[data-root]').dataset.root } : {};
    this.discussion.show({ ...this.discussion.thread, newest: this.options.newest });
  }

  /** Until it fails once: then the link can be clicked. */
  #loadOnScroll() {
    const place = this.section.querySelector('.older');
    const link = place.querySelector('a');
    const eyes = new IntersectionObserver(async (entries) => { // of which the last one is how it is now
      if (!entries.at(-1).isIntersecting || link.ariaBusy === 'true') return;
      eyes.unobserve(place);
      if (await this.#loadOlder(link, false)) eyes.observe(place);
    }, { rootMargin: AHEAD });
    eyes.observe(place);
  }
}

const newestIn = (item) => Math.max(...[...item.querySelectorAll('.post')].map(({ dataset }) => dataset.id));
