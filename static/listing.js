/** A list of the API in the page. Its <template> is one item; its items' buttons and selects act, and the list is read again. */
import { tell } from './forms.js';
import { tickAll } from './view.js';

const AT_ONCE = 50;
const CHANGED = 'This was changed while you were reading. This is how it is now: please look at it again.';
const DEALT_WITH = 'Somebody else has dealt with it meanwhile.';

export class Listing {
  #section; #pottle; #about; #items; #next = null; #shown = new WeakMap();

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
    section.querySelector('.more').addEventListener('click', () => this.#attempt(section, () => this.#load(this.#next)));
    this.#items.addEventListener('click', (event) => this.#acted(event, 'button'));
    this.#items.addEventListener('change', (event) => this.#acted(event, 'select'));
  }

  /** Reads the list from its beginning; a problem is told in the section. */
  reload() { return this.#attempt(this.#section, () => this.#load(null)); }

  /** Reads it again when something was done; its problem is told in the section too. */
  after(done) { return this.#attempt(this.#section, async () => { await done; await this.#load(null); }); }

  async #load(before) {
    const { path, plural } = this.#about;
    const wanted = Object.entries({ limit: AT_ONCE, before, ...this.query }).filter(([, value]) => value);
    const page = await this.#pottle.api('GET', `${path}?${new URLSearchParams(wanted)}`);
    const seen = this.#versions();
    const fresh = page[plural].map((item) => this.#item(item, seen));
    if (before) this.#items.append(...fresh);
    else this.#items.replaceChildren(...fresh);
    this.#next = page.next;
    this.#section.querySelector('.more').hidden = !page.next;
    this.#section.querySelector('.none').hidden = this.#items.children.length > 0;
    tickAll(this.#items);
  }

  #versions() {
    const items = [...this.#items.children].map((element) => this.#shown.get(element));
    return new Map(items.map((item) => [item.id, this.#about.version?.(item)]));
  }

  #item(item, seen) {
    const element = this.#section.querySelector('template').content.firstElementChild.cloneNode(true);
    this.#shown.set(element, item);
    this.#about.fill((selector) => element.querySelector(selector), item);
    if (seen.has(item.id) && seen.get(item.id) !== this.#about.version?.(item)) complain(element, CHANGED);
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
    const { id } = this.#shown.get(place);
    await this.#load(null).catch((problem) => complain(place, problem.message));
    const now = [...this.#items.children].find((element) => this.#shown.get(element).id === id);
    if (now) now.scrollIntoView({ block: 'nearest' });
    else complain(this.#section, DEALT_WITH);
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

const complain = (place, textContent) => place.append(Object.assign(document.createElement('p'), { className: 'form-error of-list', role: 'alert', textContent }));

/** Puts a time into a <time>; tickAll shows it. */
export const at = (time, stamp) => time.setAttribute('datetime', stamp);

/** Asks before what cannot simply be undone. */
export const sure = (question) => window.confirm(question);
