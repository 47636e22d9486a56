/** A list of the API in the page, as it is now. Its <template> is one item, whose buttons and selects act. */
import { tell } from './forms.js';
import { arrange } from './list.js';
import { _ } from './texts.js';
import { tickAll } from './view.js';

const AT_ONCE = 50;

export class Listing {
  #section; #pottle; #about; #items; #next = null; #shown = new WeakMap(); #watch = null;

  /**
   * @param {HTMLElement} section with `.items`, `.none`, `.more` and a <template>
   * @param {{path: string, plural: string, fill: (part: (selector: string) => HTMLElement, item: object) => void,
   *   actions?: Object<string, (item: object, control: HTMLElement) => Promise<?boolean>>, version?: (item: object) => number}} about
   *   An action is done by the control whose `data-do` names it; when it resolves to false nothing has changed.
   *   Of items with a text to be judged, `version` says which one that is: where it is another when the list is read again,
   *   the reader is told.
   */
  constructor(section, pottle, about) {
    this.#section = section;
    this.#pottle = pottle;
    this.#about = about;
    this.#items = section.querySelector('.items');
    this.query = {};
    section.querySelector('.more').addEventListener('click', (event) => {
      event.preventDefault();
      this.#attempt(section, () => this.#load(this.#next));
    });
    this.#items.addEventListener('click', (event) => this.#acted(event, 'button'));
    this.#items.addEventListener('change', (event) => this.#acted(event, 'select'));
  }

  /** Shows the list, and from now on whatever changes in it. @returns {Promise<void>} when it is there */
  follow() {
    this.#watch?.close();
    return new Promise((resolve) => {
      const onState = (state, problem) => {
        if (state !== 'failed') return;
        if (problem.message) complain(this.#section, problem.message);
        resolve();
      };
      this.#watch = this.#pottle.watch(this.#address(null), (page) => { this.#show(page, true); resolve(); }, { onState });
    });
  }

  /** Reads the list from its beginning; a problem is told in the section. */
  reload() { return this.#attempt(this.#section, () => this.#load(null)); }

  /** Does something, then reads it again; a problem is told in the section too. */
  after(task) { return this.#attempt(this.#section, async () => { await task(); await this.#load(null); }); }

  /** What is shown. @returns {[HTMLElement, object][]} */
  get shown() { return [...this.#items.children].map((element) => [element, this.#shown.get(element)]); }

  #address(before) {
    const wanted = Object.entries({ limit: AT_ONCE, before, ...this.query }).filter(([, value]) => value);
    return `${this.#about.path}?${new URLSearchParams(wanted)}`;
  }

  async #load(before) {
    const page = await this.#pottle.api('GET', this.#address(before));
    if (before) this.#append(page);
    else this.#show(page, false);
  }

  #append(page) {
    this.#items.append(...page[this.#about.plural].map((item) => this.#item(item)));
    this.#shows(page.next);
  }

  /**
   * The first page as it is now, of which what stays the same is not touched. Where it changed by itself (`live`), what was
   * read beyond it stays, and so does a text to be judged: nobody shall approve one that came the moment before.
   */
  #show(page, live) {
    const before = [...this.#items.children];
    const known = new Map(before.filter((element) => this.#shown.has(element)).map((element) => [keyOf(this.#shown.get(element)), element]));
    const fresh = page[this.#about.plural].map((item) => this.#renewed(item, known.get(keyOf(item)), live));
    const last = known.get(keyOf(page[this.#about.plural].at(-1) ?? {}));
    const beyond = live && page.next && last ? before.slice(before.indexOf(last) + 1) : [];
    this.#keepingFocus(() => arrange(this.#items, [...fresh, ...beyond]));
    if (!beyond.length) this.#next = page.next;
    this.#shows(this.#next);
  }

  /** Where the focus was in an item that is gone, it goes to what stands in its place; else to the heading. */
  #keepingFocus(change) {
    const at = [...this.#items.children].findIndex((element) => element.contains(document.activeElement));
    change();
    if (at < 0 || this.#items.contains(document.activeElement)) return;
    const next = this.#items.children[at] ?? this.#items.lastElementChild;
    const place = next?.matches('[tabindex]') ? next : next?.querySelector('button, select, a[href]') ?? this.#section.querySelector('h2');
    place.focus();
  }

  #shows(next) {
    this.#next = next;
    this.#section.querySelector('.more').hidden = !next;
    this.#section.querySelector('.none').hidden = this.#items.children.length > 0;
    tickAll(this.#items);
  }

  #renewed(item, element, live) {
    if (!element) return this.#item(item);
    const before = this.#shown.get(element);
    const another = this.#about.version?.(before) !== this.#about.version?.(item);
    if (JSON.stringify(before) === JSON.stringify(item) || (live && another)) return element;
    const now = this.#item(item);
    if (another) complain(now, _('This was changed while you were reading. This is how it is now: please look at it again.'));
    return now;
  }

  #item(item) {
    const element = this.#section.querySelector('template').content.firstElementChild.cloneNode(true);
    this.#shown.set(element, item);
    this.#about.fill((selector) => element.querySelector(selector), item);
    return element;
  }

  async #acted({ target }, kind) {
    const control = target.closest(`${kind}[data-do]`);
    if (!control) return;
    const element = control.closest('.items > *');
    const act = this.#about.actions[control.dataset.do];
    await this.#attempt(element, async () => {
      if ((await act(this.#shown.get(element), control)) !== false) await this.#load(null);
    });
  }

  /** What is no longer as it was shown is shown as it is now. */
  async #readAgain(place) {
    const key = keyOf(this.#shown.get(place));
    await this.#load(null).catch((problem) => complain(place, problem.message));
    const now = [...this.#items.children].find((element) => keyOf(this.#shown.get(element)) === key);
    if (now) now.scrollIntoView({ block: 'nearest' });
    else complain(this.#section, _('Somebody else has dealt with it meanwhile.'));
  }

  /** Shows a problem where it arose; what is on the page stays. */
  async #attempt(place, task) {
    this.#section.querySelectorAll('.form-error.of-list').forEach((note) => note.remove());
    place.ariaBusy = 'true';
    try {
      await task();
    } catch (problem) {
      tell(place, problem);
      if (problem.status === 412) await this.#readAgain(place);
      else complain(place, problem.message);
    } finally {
      place.ariaBusy = 'false';
    }
  }
}

/** By what an item is the same one, although something of it has changed. */
const keyOf = ({ id, uid, slug, ...others }) => id ?? uid ?? slug ?? JSON.stringify(others);

const complain = (place, textContent) => place.append(Object.assign(document.createElement('p'), { className: 'form-error of-list', role: 'alert', textContent }));

/** Puts a time into a <time>; tickAll shows it. */
export const at = (time, stamp) => time.setAttribute('datetime', stamp);
