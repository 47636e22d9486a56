/** What a `<pottle-thread>` shows. Reading and following are here; what somebody may ask for beyond that is imported then. */
import { Discussion } from '../discussion.js';
import { _, ngettext, speak } from '../texts.js';
import { GAINED } from '../thread.js';
import { pageOf, tickAll, trusted } from '../view.js';

const TAKES_PART = '.post button, .composer, [data-do]';
const HIDDEN = [401, 403, 404];

export class Thread {
  discussion; section; at; posts = 0;
  options = { whole: true };
  listeners = []; // of who is reading

  /** @param {HTMLElement} element @param {import('./host.js').Host} host @param {'newest' | 'oldest'} order */
  constructor(element, host, key, order) { Object.assign(this, { element, host, key, order }); }

  path(params) { return this.host.path('thread', { key: this.key, order: this.order, ...params }); }

  /** @returns {Promise<HTMLElement>} a page of it, as the server made it for whoever is reading */
  async read(params) { return translated(sectionOf(await this.host.line.get(this.path(params)), this.host.line.url)); }

  async page(params) { return pageOf(await this.read(params)); }

  /** Makes the first page, which is in the document now, alive. */
  show(section) {
    this.section = section;
    section.dataset.draft = this.path();
    section.querySelectorAll('.bar, .talk').forEach((part) => { part.hidden = false; });
    section.addEventListener('click', (event) => this.#clicked(event));
    for (const kind of ['focusin', 'pointerover']) section.addEventListener(kind, ({ target }) => target.closest(TAKES_PART) && this.takePart());
    this.adopt(section);
    this.discussion = new Discussion(section, this.host.line, this.#source());
    tickAll(section);
    this.#showReader();
  }

  /** What a page says of the whole: as the server sees whoever is reading now. */
  adopt({ dataset }) {
    Object.assign(this.section.dataset, dataset);
    Object.assign(this.options, { newest: !dataset.prev, oldest: this.order === 'oldest' });
    this.#count(Number(dataset.posts));
    const listed = this.host.line.sameOrigin || dataset.origins.split(' ').includes(location.origin);
    this.#part('.talk').hidden = !listed;
    this.#part('.unlisted').hidden = listed;
    if (!listed) this.more().then(({ unlisted }) => unlisted(this));
  }

  #part(selector) { return this.section.querySelector(selector); }

  #count(posts) {
    this.posts = posts;
    this.#part('.tally').textContent = posts ? ngettext('%(num)s post', '%(num)s posts', posts) : _('Discussion');
  }

  #source() {
    return {
      links: { base: this.host.line.url, here: '#pottle-', post: '#pottle-' },
      options: this.options,
      again: async (many) => (await this.more()).again(this, many),
      address: (before) => this.host.line.url + this.path({ before }),
      shown: async (page) => (await this.more()).mark(this, page.section),
      awaits: (...told) => { const watch = this.more().then(({ awaits }) => awaits(this, ...told)); return { close: async () => (await watch).close() }; },
      begin: async () => (await this.part()).begin(this),
      told: ({ kind, post }) => post && this.#count(this.posts + (GAINED[kind] ?? 0)),
    };
  }

  /** Brings a post into sight, wherever it is. */
  async goTo(id) {
    this.#part('.post.named')?.classList.remove('named');
    if (!this.discussion.list.article(Number(id)) && !await (await this.more()).find(this, id)) return;
    this.discussion.list.article(Number(id)).classList.add('named');
    this.discussion.goTo(id);
  }

  // who is reading, and what else they may want

  /** Somebody else is reading now. */
  async meet(load) {
    try {
      await this.discussion.readAgain();
    } catch (problem) {
      if (HIDDEN.includes(problem.status)) return load(); // it is for members alone
    }
    this.#showReader();
    this.listeners.forEach((listener) => listener());
  }

  #showReader() {
    const { me } = this.host;
    this.#part('.invite').hidden = Boolean(me) || this.section.dataset.locked === 'true';
    this.#part('.signed-in').hidden = !me;
    this.#part('.me').textContent = me?.name ?? '';
    if (me) this.takePart();
  }

  /** More of the same: another order, other pages. */
  more() { return import('./more.js'); }

  /** What it takes to take part. */
  part() { return import('./part.js'); }

  /** @returns {Promise<?object>} null where it does not come */
  async takePart() {
    try {
      const part = await this.part();
      part.takePart(this);
      return part;
    } catch (problem) {
      console.error('Pottle:', problem);
      this.discussion.status.complain(_('Please load the page again. What you have typed stays.'));
      return null;
    }
  }

  async #clicked(event) {
    const { target } = event;
    const asks = target.closest('button[data-order], .more a, .newest a, .older a');
    if (asks) {
      event.preventDefault();
      return (await this.more()).clicked(this, asks);
    }
    const link = target.closest('a[href^="#pottle-"]');
    if (link?.hash === location.hash) this.goTo(link.hash.slice(8)); // which the browser takes for no news
    const button = target.closest(TAKES_PART)?.closest('button');
    if (button && !this.discussion.part) event.preventDefault(), (await this.takePart()) && button.click();
  }
}

/** The fragment that the server made, with addresses that count on this page. */
export function sectionOf(html, url) {
  const section = new DOMParser().parseFromString(trusted(html), 'text/html').body.firstElementChild;
  for (const image of section.querySelectorAll('img')) image.src = new URL(image.getAttribute('src'), url);
  return section;
}

/** When what a fragment does not say itself can be said in its language. @param {HTMLElement} section @returns {Promise<HTMLElement>} it */
export async function translated(section) {
  const { lang, dataset } = section;
  if (dataset.texts) speak(lang, (await import(dataset.texts)).default);
  return section;
}
