/** `<pottle-thread group="blog">`: the discussion of a page, where the element stands. */
import { backoff } from '../pottle/browser.js';
import { _ } from '../texts.js';
import { made, tickAll } from '../view.js';
import { Host, given, language, look, observed, pageAddress } from './host.js';
import { Thread } from './thread.js';

const LAZY = '600px'; // before it comes into view
const TICK_MS = 30_000;
const GRACE_MS = 2000; // that it may be out of the page, as on the way to the next one, and still follow
const RETRY_MS = { first: 4000, longest: 60_000 };
const NAMED = /^#pottle-(\d+)$/;
const SHOWN = ':host{display:block!important}:host([hidden]){display:none!important}';
const RESERVED = `${SHOWN}:host{min-height:var(--pottle-reserve,100svh)}`; // what stands below is then out of view while it loads

export class PottleThread extends HTMLElement {
  static observedAttributes = observed('group', 'key', 'order', 'lang', 'sso');

  #root = this.attachShadow({ mode: 'open' });
  #frame = new CSSStyleSheet();
  #eyes; #begun; #turn = 0; #failures = 0; #tick; #retry; #leaving; #thread; #host; #entered;

  connectedCallback() {
    addEventListener('hashchange', this.#followLink);
    this.#tick = setInterval(tickAll, TICK_MS, this.#root);
    this.#host?.listeners.add(this.#met);
    clearTimeout(this.#leaving);
    if (!this.#thread) this.#wait();
    else if (!this.#leaving) this.#thread.discussion.follow();
    this.#leaving = null;
  }

  disconnectedCallback() {
    removeEventListener('hashchange', this.#followLink);
    clearInterval(this.#tick);
    this.#host?.listeners.delete(this.#met);
    this.#stopWaiting();
    this.#leaving = setTimeout(() => { this.#leaving = null; this.#thread?.discussion.leave(); }, GRACE_MS);
  }

  attributeChangedCallback(name, before, now) {
    if (before !== now && this.#begun) queueMicrotask(this.#load);
  }

  // until it is there

  /** Reserves its height, and begins shortly before it comes into view. */
  #wait() {
    this.#frame.replaceSync(RESERVED);
    this.#root.adoptedStyleSheets = [this.#frame];
    this.#root.replaceChildren(made('slot')); // what the page has in it for readers without scripts
    if (given(this, 'loading') === 'eager' || NAMED.test(location.hash)) return void this.#load();
    this.#eyes = new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && this.#load(), { rootMargin: LAZY });
    this.#eyes.observe(this);
    addEventListener('keydown', this.#searched);
  }

  /** Whoever searches the page searches its discussion too. */
  #searched = ({ key, ctrlKey, metaKey }) => { if (key === 'F3' || (key === 'f' && (ctrlKey || metaKey))) this.#load(); };

  #stopWaiting() {
    this.#eyes?.disconnect();
    removeEventListener('keydown', this.#searched);
    removeEventListener('online', this.#load);
    clearTimeout(this.#retry);
  }

  /** Reads it from its beginning; also when it is to be another one. */
  #load = async () => {
    if (!this.isConnected) return;
    this.#stopWaiting();
    this.#begun = true;
    this.#turn += 1;
    const turn = this.#turn;
    language(this);
    this.#become(Host.of(given(this, 'group') ?? ''));
    const thread = new Thread(this, this.#host, given(this, 'key') ?? pageAddress().pathname, given(this, 'order') === 'oldest' ? 'oldest' : 'newest');
    thread.at = NAMED.exec(location.hash)?.[1];
    try {
      const sheet = look();
      await this.#enter(thread);
      const [styled, section] = await Promise.all([sheet, thread.read(thread.at && { at: thread.at })]);
      if (turn !== this.#turn || !this.isConnected) return;
      this.#thread?.discussion.leave();
      this.#root.adoptedStyleSheets = [this.#frame, styled];
      this.#root.replaceChildren(section);
      this.#thread = thread;
      this.#failures = 0;
      thread.show(section);
      this.#release();
      this.#followLink();
      this.dispatchEvent(new CustomEvent('pottle-loaded', { bubbles: true, detail: { posts: thread.posts } }));
    } catch (problem) {
      if (turn === this.#turn) this.#fail(problem, thread);
    }
  };

  #become(host) {
    this.#host?.listeners.delete(this.#met);
    this.#host = host;
    host.listeners.add(this.#met);
    host.learn();
  }

  /** By the word of the page's own site, where it gives one; it counts once, so on a page that is shown again it is no news. */
  async #enter(thread) {
    const token = given(this, 'sso');
    if (!token || this.#host.me || this.#entered === token) return;
    this.#entered = token;
    const { signIn } = await thread.part();
    await signIn(this.#host, token).catch((problem) => this.#host.line.hasToken || console.warn('Pottle: single sign-on:', problem.message));
  }

  #fail(problem, thread) {
    console.error('Pottle:', problem);
    const hidden = [401, 403, 404].includes(problem.status);
    const [said, does] = hidden ? [_('There is no such discussion, or it is for members only.'), _('Sign in')] : [_('The discussion cannot be reached just now.'), _('Try again')];
    const note = made('p', { className: 'notice trouble', role: 'status', textContent: said });
    const button = made('button', { type: 'button', className: 'link', textContent: does });
    button.addEventListener('click', hidden ? () => thread.part().then(({ ask }) => ask(this.#host)) : this.#load);
    note.append(' ', button);
    this.#thread?.discussion.leave();
    this.#thread = null;
    this.#root.replaceChildren(note, made('slot'));
    look().then((sheet) => { this.#root.adoptedStyleSheets = [this.#frame, sheet]; }, () => {});
    if (hidden) return;
    addEventListener('online', this.#load);
    this.#retry = setTimeout(this.#load, backoff(this.#failures++, Math.random, RETRY_MS));
  }

  /** Gives the reserved height back as soon as nothing that is seen moves by it, or when somebody does something in it. */
  #release() {
    const seen = (of) => of.getBoundingClientRect();
    const look = (event) => {
      if (!event.type && seen(this).top < innerHeight && seen(this.#root.lastElementChild).bottom < innerHeight) return;
      this.#frame.replaceSync(SHOWN);
      this.#eyes.disconnect();
    };
    this.#eyes = new IntersectionObserver(look);
    this.#eyes.observe(this);
    this.#root.addEventListener('click', look);
    look({});
  }

  #followLink = () => { const [, id] = NAMED.exec(location.hash) ?? []; if (id) this.#thread?.goTo(id); };

  /** Somebody else is reading now, who may see other things. */
  #met = () => (this.#thread ? this.#thread.meet(this.#load) : this.#begun && this.#load());
}
