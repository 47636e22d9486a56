/** A field below which things to choose from show while somebody types: the combobox of WAI-ARIA's practices, with a list. */
import { told } from './hits.js';
import { _ } from './texts.js';

const PAUSE_MS = 120;

let boxes = 0;

export class Combobox {
  #field; #list; #said; #about; #timer; #asked = null;

  /**
   * @param {HTMLInputElement} field @param {HTMLElement} list where the options stand @param {HTMLElement} said a live region
   * @param {{begin: (text: string) => HTMLElement[], find: (text: string, signal: AbortSignal) => Promise<{parts: HTMLElement[], says: string}>}} about
   *   what may be chosen at once, and what is to be asked for first, a little after the last key; older questions are aborted.
   *   Options are links with the role `option`; parts may have some in them, and words.
   */
  constructor(field, list, said, about) {
    Object.assign(this, { field, list });
    this.#field = field;
    this.#list = list;
    this.#said = said;
    this.#about = about;
    boxes += 1;
    list.id = `choices-${boxes}`;
    list.role = 'listbox';
    list.hidden = true;
    for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id })) field.setAttribute(name, value);
    field.addEventListener('input', () => this.#typed());
    field.addEventListener('focus', () => this.#open());
    field.addEventListener('keydown', (event) => this.#pressed(event));
    field.addEventListener('blur', () => this.close());
    list.addEventListener('pointerdown', (event) => event.preventDefault()); // the field keeps the focus
  }

  close() {
    this.#list.hidden = true;
    this.#field.setAttribute('aria-expanded', 'false');
    this.#mark(null);
  }

  get #options() { return [...this.#list.querySelectorAll('[role=option]')]; }

  get #marked() { return this.#list.querySelector('[aria-selected=true]'); }

  #open() {
    if (!this.#field.value.trim() || this.#list.childElementCount === 0) return;
    this.#list.hidden = false;
    this.#field.setAttribute('aria-expanded', 'true');
  }

  #typed() {
    const text = this.#field.value.trim();
    clearTimeout(this.#timer);
    this.#asked?.abort();
    if (!text) {
      this.#list.replaceChildren();
      this.#said.textContent = '';
      return this.close();
    }
    this.#show(this.#about.begin(text), [...this.#list.children].filter((part) => part.classList.contains('asked')));
    this.#timer = setTimeout(() => this.#ask(text), PAUSE_MS);
  }

  async #ask(text) {
    const { signal } = this.#asked = new AbortController();
    this.#list.ariaBusy = 'true';
    const { parts, says } = await this.#about.find(text, signal).catch(() => told(_('Searching does not work just now.')));
    if (signal.aborted) return;
    this.#list.ariaBusy = 'false';
    parts.forEach((part) => part.classList.add('asked'));
    this.#show(this.#about.begin(text), parts);
    this.#said.textContent = says;
  }

  /** What was marked stays so, where it is still there. */
  #show(...parts) {
    const marked = this.#marked?.href;
    this.#list.replaceChildren(...parts.flat());
    this.#options.forEach((option, at) => { option.id = `${this.#list.id}-${at}`; option.ariaSelected = 'false'; option.tabIndex = -1; });
    this.#mark(this.#options.find(({ href }) => href === marked) ?? null);
    if (this.#field.getRootNode().activeElement === this.#field) this.#open();
  }

  #mark(option) {
    this.#marked?.setAttribute('aria-selected', 'false');
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) this.#field.setAttribute('aria-activedescendant', option.id);
    else this.#field.removeAttribute('aria-activedescendant');
  }

  /** From the last one on, and before the first, there is what was typed. */
  #move(by) {
    this.#open();
    const options = [null, ...this.#options];
    this.#mark(options.at((options.indexOf(this.#marked) + by) % options.length));
  }

  #pressed(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const shown = !this.#list.hidden;
    const doings = {
      ArrowDown: () => this.#move(1), ArrowUp: () => this.#move(-1),
      ...(shown && { Escape: () => this.close() }), ...(shown && this.#marked && { Enter: () => this.#marked.click() }),
    };
    if (!(event.key in doings)) return;
    event.preventDefault();
    event.stopPropagation();
    doings[event.key]();
  }
}
