/** What one has not read of a discussion: it is marked, can be gone to, and counts as read once it was really seen. */
import { _, ngettext } from './texts.js';

const SEEN_AFTER_MS = 600; // in sight, in a window that is looked at
const TELL_AFTER_MS = 3000; // many posts are one request
const CHECK_AFTER_MS = 1500;
const MOST_TOLD = 100;
const STEPS = Array.from({ length: 41 }, (_, step) => step / 40);

export class Reading {
  #section; #pottle; #me = null;
  #unread = new Set(); #older = false; #newest = Infinity; // as the server said; what is newer than that is unread, too
  #seen = new Set(); #looked = new Map(); #telling = null; #learning = false; #checking = null;
  #eyes = new IntersectionObserver((entries) => entries.forEach((entry) => this.#look(entry)), { threshold: STEPS });
  #bar = bar();

  /** @param {HTMLElement} section as in templates/_discussion.html, which is alive */
  constructor(section, pottle) {
    this.#section = section;
    this.#pottle = pottle;
    const posts = section.querySelector('.posts');
    posts.before(this.#bar);
    this.#bar.querySelector('[data-do=first]').addEventListener('click', () => this.next(true));
    this.#bar.querySelector('[data-do=read]').addEventListener('click', () => this.#readAll());
    new MutationObserver(() => this.#met()).observe(posts, { childList: true, subtree: true });
    document.addEventListener('visibilitychange', () => this.#turned());
    addEventListener('pagehide', () => this.#tell(true));
  }

  get channel() { return Number(this.#section.dataset.channel); }

  get #path() { return `/api/channels/${this.channel}`; }

  /** @param {?object} user who is reading */
  async as(user) {
    this.#me = user;
    this.#forget();
    if (user && this.channel) await this.#learn();
  }

  /** How many unread posts the server counts here: where that is not what we know, some were read elsewhere, or approved. */
  counted(count) {
    clearTimeout(this.#checking);
    this.#checking = setTimeout(() => {
      const waits = this.#seen.size > 0 || this.#telling || this.#learning;
      if (this.#me && !waits && count !== Math.min(this.#unread.size, MOST_TOLD)) this.#learn();
    }, CHECK_AFTER_MS);
  }

  /**
   * Goes to the next unread post, or to the `first`; to the page where it is, if that is another one.
   * @returns {boolean} whether there is one
   */
  next(first = false) {
    const here = this.#articles.filter((article) => this.#unread.has(idOf(article)));
    const at = first ? null : document.activeElement?.closest('.post') ?? null;
    const article = here.find((one) => at && at.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) ?? here.find((one) => one !== at);
    if (article) goTo(article);
    else if (this.#unread.size > here.length) this.#leaveFor(Math.min(...[...this.#unread].filter((id) => !here.some((one) => idOf(one) === id))));
    else return here.length > 0;
    return true;
  }

  #leaveFor(id) {
    this.#tell(true);
    location.assign(`${this.#pottle.url}/channels/${this.channel}?at=${id}#p${id}`);
  }

  get #articles() { return [...this.#section.querySelectorAll('.posts .post')].filter(({ dataset }) => dataset.state === 'published'); }

  async #learn() {
    this.#learning = true;
    const found = await this.#pottle.api('GET', `${this.#path}/unread`).catch(() => null);
    this.#learning = false;
    if (!found || !this.#me) return;
    if (!found.follows) this.#tellSoon();
    const begins = this.#newest === Infinity;
    this.#know(found);
    if (begins) this.#drawLine();
  }

  /** What the server says, without what was seen since, and with what has come since. */
  #know({ posts, more, newest }) {
    const come = [...this.#unread].filter((id) => id > newest);
    this.#unread = new Set([...posts, ...come].filter((id) => !this.#seen.has(id)));
    this.#older = more;
    this.#newest = newest;
    this.#met();
  }

  #forget() {
    clearTimeout(this.#telling);
    this.#telling = null;
    this.#seen.clear();
    this.#unread.clear();
    this.#newest = Infinity;
    this.#section.querySelectorAll('.first-unread').forEach((article) => article.classList.remove('first-unread'));
    this.#met();
  }

  /** What is in the page is marked; what has just come counts as unread, but for one's own. */
  #met() {
    const none = this.#unread.size === 0;
    for (const article of this.#articles) {
      const id = idOf(article);
      if (id > this.#newest && article.dataset.uid !== this.#me?.uid && !this.#seen.has(id)) this.#unread.add(id);
      const unread = this.#unread.has(id);
      article.classList.toggle('unread', unread);
      if (unread) this.#eyes.observe(article);
    }
    if (none && document.hidden) this.#drawLine();
    this.#tellHowMany();
  }

  /** Before the first unread post. It stays there when that was read, until others come that nobody looked at. */
  #drawLine() {
    const first = this.#articles.find((article) => this.#unread.has(idOf(article)));
    if (!first) return;
    this.#section.querySelectorAll('.first-unread').forEach((article) => article.classList.remove('first-unread'));
    first.classList.add('first-unread');
    first.dataset.says = _('New');
  }

  #tellHowMany() {
    const inSight = [...this.#unread].every((id) => this.#looked.has(id));
    this.#bar.hidden = inSight; // what is being read needs no count
    if (!this.#bar.hidden) this.#bar.firstElementChild.textContent = this.#older
      ? _('More than %(num)s unread posts', { num: this.#unread.size })
      : ngettext('%(num)s unread post', '%(num)s unread posts', this.#unread.size);
  }

  // what is seen

  #look({ target, isIntersecting, intersectionRatio, intersectionRect }) {
    const id = idOf(target);
    const much = isIntersecting && (intersectionRatio >= 0.5 || intersectionRect.height >= innerHeight / 2);
    if (much === this.#looked.has(id)) return;
    clearTimeout(this.#looked.get(id));
    if (much && target.isConnected) this.#looked.set(id, document.hidden ? null : this.#soon(target));
    else this.#looked.delete(id);
    this.#tellHowMany();
  }

  #soon(article) { return setTimeout(() => this.#see(article), SEEN_AFTER_MS); }

  #turned() {
    for (const article of this.#articles) {
      const id = idOf(article);
      if (!this.#looked.has(id)) continue;
      clearTimeout(this.#looked.get(id));
      this.#looked.set(id, document.hidden ? null : this.#soon(article));
    }
    if (document.hidden) this.#tell(true);
  }

  #see(article) {
    const id = idOf(article);
    this.#eyes.unobserve(article);
    this.#looked.delete(id);
    if (!this.#unread.delete(id)) return;
    this.#seen.add(id);
    article.classList.remove('unread');
    this.#tellSoon();
    this.#tellHowMany();
  }

  #tellSoon() { this.#telling ??= setTimeout(() => this.#tell(), TELL_AFTER_MS); }

  /** Tells the server what was seen; `leaving` also where the page is left meanwhile. */
  async #tell(leaving = false) {
    clearTimeout(this.#telling);
    this.#telling = null;
    if (!this.#me || (leaving && !this.#seen.size)) return;
    const posts = [...this.#seen].slice(0, MOST_TOLD);
    const told = await this.#send({ posts }, leaving).catch(() => null);
    if (!this.#me) return;
    if (told) {
      posts.forEach((id) => this.#seen.delete(id));
      this.#know(told);
    }
    if (this.#seen.size) this.#tellSoon();
  }

  async #send(body, leaving = false) {
    if (!leaving) return this.#pottle.api('PUT', `${this.#path}/read`, body);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${this.#pottle.url}${this.#path}/read`, { method: 'PUT', headers, body: JSON.stringify(body), keepalive: true });
    return answer.ok ? answer.json() : null;
  }

  /** All up to the newest post that is known: one that comes meanwhile stays unread. */
  async #readAll() {
    const told = await this.#send({ until: Math.max(this.#newest, ...this.#articles.map(idOf)) }).catch(() => null);
    if (!told) return;
    this.#seen.clear();
    this.#know(told);
    this.#section.querySelector('.posts .post')?.focus({ preventScroll: true }); // the button is gone
  }
}

const idOf = ({ dataset }) => Number(dataset.id);

function goTo(article) {
  article.scrollIntoView({ block: 'center' });
  article.focus({ preventScroll: true });
}

function bar() {
  const made = (name, properties) => Object.assign(document.createElement(name), properties);
  const button = (does, textContent) => {
    const one = made('button', { type: 'button', className: 'link', textContent });
    one.dataset.do = does;
    return one;
  };
  const place = made('p', { className: 'notice unread-posts', hidden: true });
  place.append(made('span', { role: 'status' }), ' ', button('first', _('Go to the first')), ' ', button('read', _('Mark as read')));
  return place;
}
