/** A code or a link that is shown once, in letters for the last row of the classroom. */
import { _ } from './texts.js';

export class Poster {
  #dialog; #link;

  constructor(dialog) {
    this.#dialog = dialog;
    dialog.querySelector('[data-do=copy]').addEventListener('click', ({ target }) => this.#copy(target));
  }

  /** @param {{title: string, where?: string, code: string, url: string, expires: string}} about */
  show({ title, where = '', code, url, expires }) {
    this.#link = new URL(url, location.href).href;
    const part = (selector) => this.#dialog.querySelector(selector);
    part('h2').textContent = title;
    part('.where').textContent = where;
    part('.big').textContent = code;
    Object.assign(part('.address a'), { href: this.#link, textContent: this.#link });
    part('.until').textContent = _('Good until %(time)s. It is not shown again.', { time: new Date(expires).toLocaleString(document.documentElement.lang) });
    part('[data-do=copy]').hidden = !navigator.clipboard; // on plain http there is none
    part('[data-do=copy]').textContent = _('Copy the link');
    this.#dialog.showModal();
  }

  async #copy(button) {
    await navigator.clipboard.writeText(this.#link);
    button.textContent = _('Copied');
  }
}
