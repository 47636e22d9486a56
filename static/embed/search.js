/** `<pottle-search group="blog">`: a field that finds posts of a group over all its pages. Each leads to its page. */
import { Combobox } from '../combobox.js';
import { begun, excerpt, part, row, searched, told } from '../hits.js';
import { _, ngettext } from '../texts.js';
import { ago, made, nameOf } from '../view.js';
import { Host, define, given, language, look, observed } from './host.js';
import { sectionOf, translated } from './thread.js';

const AT_ONCE = 8;
const LOOK = `:host{display:block!important}:host([hidden]){display:none!important}
.recent{z-index:8}input{display:block;width:100%;padding:.6em .9em;background:var(--sunk);border:1px solid var(--line);border-radius:var(--radius)}
.finds{position:absolute;z-index:9;inset-inline:0;inset-block-start:calc(100% + .3em);max-height:min(30em,70vh);overflow-y:auto;overscroll-behavior:contain;padding:.3em;background:var(--pottle-background,var(--back,oklch(from currentcolor calc(1 - .82*clamp(0,(l - .51)*100,1)) 0 0)));color:inherit;border:1px solid var(--line);border-radius:var(--radius);box-shadow:0 .3em 1.5em #0004}
.hit{display:grid;gap:.1em;padding:.5em .6em;border-radius:calc(var(--radius)*.7);color:inherit;text-decoration:none}.hit:hover{background:var(--sunk)}.hit[aria-selected=true]{background:color-mix(in srgb,var(--accent) 16%,transparent)}
.title{font-weight:600}.words{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden;font-size:.94em}.where,.none{font-size:.85em;color:color-mix(in srgb,currentcolor 72%,transparent)}.none{margin:0;padding:.5em .6em}
mark{background:color-mix(in srgb,#f0ae2d 38%,transparent);color:inherit;border-radius:.2em}`;

class PottleSearch extends HTMLElement {
  static observedAttributes = observed('group', 'placeholder', 'lang');

  #root = this.attachShadow({ mode: 'open' });
  #host = null; #turn = 0;

  connectedCallback() {
    const own = new CSSStyleSheet();
    own.replaceSync(LOOK);
    look().then((sheet) => { this.#root.adoptedStyleSheets = [sheet, own]; }, () => {});
    this.#load();
  }

  disconnectedCallback() { this.#host?.listeners.delete(this.#load); }

  attributeChangedCallback(name, before, now) { if (before !== now && this.#host) this.#load(); }

  /** The field, in the reader's language. Where they may not read the group there is none, until somebody signs in who may. */
  #load = async () => {
    this.#turn += 1;
    const turn = this.#turn;
    language(this);
    this.#host?.listeners.delete(this.#load);
    const host = this.#host = Host.of(given(this, 'group') ?? '');
    host.listeners.add(this.#load);
    host.learn();
    const form = await host.line.get(host.path('search', {})).then((html) => translated(sectionOf(html, host.line.url)), (problem) => console.warn('Pottle: search:', problem.message));
    if (turn === this.#turn) this.#root.replaceChildren(form ? this.#enliven(form) : made('slot'));
  };

  #enliven(form) {
    const [field, list, said] = form.children;
    const says = given(this, 'placeholder');
    if (says) Object.assign(field, { placeholder: says, ariaLabel: says });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      list.querySelector('[role=option]')?.click();
    });
    new Combobox(field, list, said, { begin: () => [], find: (text, signal) => this.#find(text, signal) });
    return form;
  }

  async #find(text, signal) {
    const host = this.#host;
    const { results, next } = await searched(host.line, { q: begun(text), group: host.group, limit: AT_ONCE }, signal);
    if (results.length === 0) return told(_('No post has that in it.'));
    const more = next ? told(_('Older posts have it, too: more words find fewer.')).parts : [];
    const says = ngettext('%(num)s post was found', '%(num)s posts were found', results.length);
    return { parts: [...part('', results.map((hit) => this.#hit(hit, host))), ...more], says };
  }

  #hit({ post, place, excerpt: html }, { line }) {
    const there = place.url ? `${place.url.split('#')[0]}#pottle-${post.id}` : `${line.url}/channels/${post.channel}?at=${post.id}#p${post.id}`;
    return row(there, place.title, excerpt(html), `${nameOf(post.author)} · ${ago((new Date(post.created) - Date.now()) / 1000)}`);
  }
}

define('pottle-search', PottleSearch);
