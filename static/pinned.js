/** What is pinned on top of a discussion, as it is now. */
import { made, nameOf } from './view.js';

const LONGEST = 140; // characters, as in templates/_discussion.html

export class Pinned {
  #place; #pottle; #channel;

  /** @param {HTMLElement} section as in templates/_discussion.html; where only some posts are shown, it has no place for it */
  constructor(section, pottle) {
    this.#place = section.querySelector('.pinned');
    this.#pottle = pottle;
    this.#channel = section.dataset.channel;
  }

  get #links() { return [...this.#place.querySelectorAll('a')]; }

  /** Reads it again where a change is of a post that is pinned, or was. */
  async hears({ post }) {
    if (!this.#place || !post) return;
    const known = this.#links.some(({ hash }) => hash === `#p${post.id}`);
    if (!known && !post.pinned) return;
    const { posts } = await this.#pottle.api('GET', `/api/channels/${this.#channel}/posts?only=pinned`);
    this.#place.hidden = posts.length === 0;
    this.#place.querySelector('ul').replaceChildren(...posts.map((found) => this.#line(found)));
  }

  #line({ id, html, author }) {
    const words = new DOMParser().parseFromString(html, 'text/html').body.textContent.trim();
    const link = made('a', { href: `${this.#pottle.url}/channels/${this.#channel}?at=${id}#p${id}` });
    link.append(made('bdi', { textContent: words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words }));
    const line = made('li', {});
    line.append(link, ' ', made('bdi', { className: 'soft', textContent: nameOf(author) }));
    return line;
  }
}
