/** What may be done to posts: one menu for all of a discussion, below the post for which it is open. */
import { add, texts } from './texts.js';

add({ en: { link: 'Link to this post', copied: 'The link is copied' } });

/**
 * What somebody may choose for a post, by the names that the buttons have in templates/_post.html.
 * @param {string} state @param {import('./personal.js').Reader} reader @returns {Object<string, boolean>}
 */
function allowed(state, { mine, moderates, locked, withheld, edit }) {
  const removed = state === 'removed';
  return {
    approve: moderates && state === 'pending', edit: mine && (moderates || !locked) && !removed, withdraw: Boolean(edit),
    link: state === 'published', remove: (mine || moderates) && (!removed || withheld), restore: moderates && removed,
  };
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Menu {
  #place; #button = null;

  /** @param {HTMLElement} section as in templates/_discussion.html */
  constructor(section) {
    this.#place = section.querySelector('.menu');
    this.#place.addEventListener('click', (event) => this.#chosen(event));
    section.addEventListener('keydown', (event) => this.#pressed(event));
    section.addEventListener('focusin', ({ target }) => target.contains(this.#place) || this.#left([target, target.closest('.menu')])); // Safari focuses what is around a button
    document.addEventListener('pointerdown', (event) => this.#left(event.composedPath()));
  }

  /** The discussion does it, but for the link, which is copied, or followed where browsers forbid that: on plain http. */
  #chosen({ target }) {
    const item = target.closest('button');
    if (item?.dataset.do !== 'link') return item && this.close();
    const { href } = this.#place.closest('.post').querySelector('.when');
    if (!navigator.clipboard) return location.assign(href);
    navigator.clipboard.writeText(href).then(() => { item.textContent = texts.copied; });
  }

  /**
   * Opens it below the button, with the reactions or with all else; or closes it there.
   * @param {string} state of its post @param {Set<string>} marks one's own @param {import('./personal.js').Reader} reader
   */
  toggle(button, state, marks, reader) {
    if (button === this.#button) return this.close();
    this.close();
    this.#button = button;
    button.ariaExpanded = 'true';
    button.after(this.#place);
    this.#place.hidden = false;
    const [picker, choices] = this.#place.children;
    picker.hidden = button.dataset.do !== 'pick';
    choices.hidden = !picker.hidden;
    for (const item of picker.children) item.ariaPressed = String(marks.has(item.dataset.kind));
    const may = allowed(state, reader);
    for (const item of choices.children) item.hidden = !may[item.dataset.do];
    choices.querySelector('[data-do=link]').textContent = texts.link;
    this.#items[0]?.focus();
    this.#place.scrollIntoView({ block: 'nearest' });
  }

  /** The focus goes back to where it was opened. */
  close() {
    const focused = this.#place.contains(this.#place.getRootNode().activeElement);
    this.#place.hidden = true;
    if (this.#button) this.#button.ariaExpanded = 'false';
    if (focused) this.#button.focus();
    this.#button = null;
  }

  get #items() { return [...this.#place.querySelectorAll('button')].filter((item) => item.offsetParent); }

  #left(places) { if (this.#button && !places.includes(this.#place) && !places.includes(this.#button)) this.close(); }

  #pressed(event) {
    if (!this.#button) return;
    const items = this.#items;
    const index = items.indexOf(event.target);
    if (event.key === 'Escape') this.close();
    else if (event.key in STEPS && index >= 0) items.at((index + STEPS[event.key]) % items.length).focus();
    else return;
    event.preventDefault();
  }
}
