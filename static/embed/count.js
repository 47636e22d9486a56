/** `<pottle-count group="blog" key="/2026/hello/">`: how many posts a page has; all of a page are asked for at once. */
import { Client } from '../pottle/client.js';
import { Host, define, given, observed, pageAddress } from './host.js';

const AT_ONCE = 100;

const waiting = new Set();
const watched = new Map(); // group and key -> {elements, watch}

class PottleCount extends HTMLElement {
  static observedAttributes = observed('group', 'key');

  #entry = null;
  #root = this.attachShadow({ mode: 'open' }); // what is in the element is the page's own: frameworks look after it

  constructor() {
    super();
    this.#root.append(document.createElement('slot'));
  }

  connectedCallback() {
    if (waiting.size === 0) queueMicrotask(ask);
    waiting.add(this);
  }

  disconnectedCallback() {
    waiting.delete(this);
    this.entered(null);
  }

  attributeChangedCallback() { if (this.#entry) { this.disconnectedCallback(); this.connectedCallback(); } }

  get group() { return given(this, 'group') ?? ''; }

  /** By default what it stands in links to. */
  get key() { return given(this, 'key') ?? this.closest('a[href]')?.pathname ?? pageAddress().pathname; }

  entered(entry) {
    this.#entry?.elements.delete(this);
    if (this.#entry?.elements.size === 0) this.#entry.idle();
    this.#entry = entry;
    entry?.elements.add(this);
    if (entry?.count !== undefined) this.show(entry.count);
  }

  show(count) { this.#root.textContent = count.toLocaleString(); }
}

define('pottle-count', PottleCount);

/** Asks for what nobody has asked for yet, and follows it. */
function ask() {
  const fresh = new Map(); // group -> keys
  for (const element of waiting) {
    const { group, key } = element;
    const name = JSON.stringify([group, key]);
    if (!watched.has(name)) {
      watched.set(name, { elements: new Set(), idle() {} });
      fresh.set(group, [...(fresh.get(group) ?? []), key]);
    }
    element.entered(watched.get(name));
  }
  waiting.clear();
  for (const [group, keys] of fresh) for (let from = 0; from < keys.length; from += AT_ONCE) follow(group, keys.slice(from, from + AT_ONCE));
}

function follow(group, keys) {
  const entries = new Map(keys.map((key) => [key, watched.get(JSON.stringify([group, key]))]));
  const query = new URLSearchParams([['group', group], ...keys.map((key) => ['key', key])]);
  const watch = new Client({ line: Host.of(group).line }).watch(`/api/counts?${query}`, ({ counts }) => {
    for (const [key, entry] of entries) show(entry, counts[key]);
  }, { onState: (state, problem) => { if (state === 'failed') console.warn('Pottle: counts:', problem?.message ?? problem); } });
  for (const entry of entries.values()) {
    entry.idle = () => { // nobody shows any of them
      if ([...entries.values()].some(({ elements }) => elements.size > 0)) return;
      watch.close();
      for (const key of keys) watched.delete(JSON.stringify([group, key]));
    };
  }
}

function show(entry, count) {
  entry.count = count;
  for (const element of entry.elements) element.show(count);
}
