/** `<pottle-recent group="class" limit="10">`: the newest posts of a group over all its pages, as they come. */
import { arrange } from '../list.js';
import { Client } from '../pottle/client.js';
import { tickAll } from '../view.js';
import { Host, define, given, language, look, observed } from './host.js';
import { sectionOf, translated } from './thread.js';

const TICK_MS = 30_000;
const LIMIT = '10';
const QUIET = '.recent>li{margin-bottom:.8em;list-style:none}.page{font-weight:600}.doing,.context,.avatar{display:none}.recent .post{display:block;padding:0;margin:0}:host{display:block!important}'; // it is a list to go on from

class PottleRecent extends HTMLElement {
  static observedAttributes = observed('group', 'limit');

  #root = this.attachShadow({ mode: 'open' });
  #watch = null; #host = null; #list = null; #timer = null;

  connectedCallback() {
    language(this);
    this.#root.replaceChildren(this.#list ?? document.createElement('slot'));
    this.#timer = setInterval(() => this.#list && tickAll(this.#list), TICK_MS);
    const own = new CSSStyleSheet();
    own.replaceSync(QUIET);
    look().then((sheet) => { this.#root.adoptedStyleSheets = [sheet, own]; }, () => {});
    this.#follow();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#host?.listeners.delete(this.#follow);
    this.#watch?.close();
    this.#watch = null;
  }

  attributeChangedCallback() { if (this.#watch) this.#follow(); }

  #follow = () => {
    this.#watch?.close();
    this.#host?.listeners.delete(this.#follow);
    this.#host = Host.of(given(this, 'group') ?? '');
    this.#host.listeners.add(this.#follow);
    const client = new Client({ line: this.#host.line });
    const path = this.#host.path('recent', { limit: given(this, 'limit') ?? LIMIT });
    this.#watch = client.watch(path, async (html) => this.#show(await translated(sectionOf(html, client.url)), client.url), { onState: (state, problem) => {
      if (state === 'failed' && !this.#list) console.warn('Pottle: recent posts:', problem?.message ?? problem);
    } });
  };

  /** What stays the same stays where it is, and so does the reader's focus. */
  #show(fresh, url) {
    for (const link of fresh.querySelectorAll('.page, .when')) link.href = new URL(link.getAttribute('href'), url);
    if (!this.#list) this.#root.replaceChildren(this.#list = fresh);
    else {
      const known = new Map([...this.#list.children].map((item) => [item.outerHTML, item]));
      const shown = new Map([...this.#shown].map(([text, item]) => [text, item]));
      this.#shown = new Map([...fresh.children].map((item) => [item.outerHTML, shown.get(item.outerHTML) ?? known.get(item.outerHTML) ?? item]));
      arrange(this.#list, [...this.#shown.values()]);
    }
    tickAll(this.#list);
  }

  #shown = new Map(); // as the server wrote it -> as it is shown
}

define('pottle-recent', PottleRecent);
