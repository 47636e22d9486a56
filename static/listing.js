/** A list of the API in the page. Its <template> is one item; its items' buttons and selects act, and the list is read again. */
import { tell } from './forms.js';
import { tickAll } from './view.js';

const AT_ONCE = 50;

export class Listing {
  #section; #pottle; #about; #items; #next = null; #shown = new WeakMap();

  /**
   * @param {HTMLElement} section with `.items`, `.none`, `.more` and a <template>
   * @param {{path: string, plural: string, fill: (part: (selector: string) => HTMLElement, item: object) => void,
   *   actions?: Object<string, (item: object, control: HTMLElement) => Promise<?boolean>>}} about
   *   An action is done by the control whose `data-do` names it; when it resolves to false nothing has changed.
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

  async #load(before) {
    const { path, plural } = this.#about;
    const wanted = Object.entries({ limit: AT_ONCE, before, ...this.query }).filter(([, value]) => value);
    const page = await this.#pottle.api('GET', `${path}?${new URLSearchParams(wanted)}`);
    const fresh = page[plural].map((item) => this.#item(item));
    if (before) this.#items.append(...fresh);
    else this.#items.replaceChildren(...fresh);
    this.#next = page.next;
    this.#section.querySelector('.more').hidden = !page.next;
    this.#section.querySelector('.none').hidden = this.#items.children.length > 0;
    tickAll(this.#items);
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

  /** Shows a problem where it arose; what is on the page stays. */
  async #attempt(place, task) {
    this.#section.querySelectorAll('.form-error.of-list').forEach((note) => note.remove());
    place.ariaBusy = 'true';
    try {
      await task();
    } catch (problem) {
      tell(place, problem);
      place.append(Object.assign(document.createElement('p'), { className: 'form-error of-list', role: 'alert', textContent: problem.message }));
    } finally {
      place.ariaBusy = 'false';
    }
  }
}

/** Puts a time into a <time>; tickAll shows it. */
export const at = (time, stamp) => time.setAttribute('datetime', stamp);

/** Asks before what cannot simply be undone. */
export const sure = (question) => window.confirm(question);
