/** What all elements of a page share that show the same group: the connection to the server, who is reading, and the look. */
import { Line } from '../pottle/line.js';
import { speak, texts } from '../texts.js';

const hosts = new Map();

/** A group of the server that the script came from, as it is for whoever is reading: signing in counts for one group. */
export class Host {
  me = null;
  listeners = new Set();

  constructor(group) {
    this.group = group;
    this.line = new Line({ slot: `#${group}`, onSignedOut: () => this.become(null), env: { headers: () => ({ 'Accept-Language': texts.language }) } });
  }

  /** @returns {Host} the one of a group */
  static of(group) {
    if (!hosts.has(group)) hosts.set(group, new Host(group));
    return hosts.get(group);
  }

  /** The address of a fragment of the server's. */
  path(name, query) { return `/groups/${encodeURIComponent(this.group)}/${name}?${new URLSearchParams(query)}`; }

  become(user) {
    if (!user && !this.me) return;
    this.me = user;
    [...this.listeners].forEach((listener) => listener()); // some come back meanwhile
  }

  /** Who was signed in already. */
  async learn() {
    const { line } = this;
    if (this.me || !(line.hasToken || line.sameOrigin)) return;
    this.become(await line.get('/api/me').then(JSON.parse, () => null)); // unreachable: reading goes on, and the next visit will tell
  }
}

/** Has the page speak as an element is to, whose texts come with what the server sends. */
export const language = (element) => speak(given(element, 'lang') ?? (element.closest('[lang]')?.lang || navigator.language));

/** An attribute of an element or of the script tag, also as `data-…`: some frameworks keep `key` for themselves. */
export const given = (element, name) => element.getAttribute(name) ?? element.getAttribute(`data-${name}`);

/** Those attributes, for `observedAttributes`. */
export const observed = (...names) => names.flatMap((name) => [name, `data-${name}`]);

/** The page's address, as it says itself; the server knows one key by all ways to write its path. */
export const pageAddress = () => new URL(document.querySelector('link[rel=canonical]')?.href || location.href.split('#')[0]);

/** Defines an element, unless another script of ours did. */
export const define = (name, element) => customElements.get(name) ?? customElements.define(name, element);

let sheet = null;

/** The look of all elements, fetched once. @returns {Promise<CSSStyleSheet>} */
export function look() {
  sheet ??= fetch(new URL('embed.css', import.meta.url)).then((answer) => answer.text()).then((text) => new CSSStyleSheet().replace(text));
  sheet.catch(() => { sheet = null; });
  return sheet;
}
