/** How the reader learns of what happens: new posts, and how the connection is doing. */
import { _, ngettext } from './texts.js';
import { isolated, nameOf } from './view.js';

const SPEAK_AFTER_MS = 1000; // several posts at once are one announcement
const WORRY_AFTER_MS = 2000; // shorter interruptions are nobody's business
const COMPLAINT_MS = 6000;

const newPosts = (count) => ngettext('%(num)s new post', '%(num)s new posts', count);

/** Highlights new posts, announces them to screen readers, and offers to go to those out of sight. */
export class News {
  #list; #voice; #button; #authors = []; #speaking = null; #unseen = new Set();
  #eyes = new IntersectionObserver((entries) => this.#seen(entries));

  constructor(section, list) {
    this.#list = list;
    this.#voice = section.querySelector('[aria-live]');
    this.#button = section.querySelector('.fresh');
    this.#button.addEventListener('click', () => this.#go());
  }

  /** @param {number[]} ids of articles that have just appeared */
  tell(ids, post) {
    for (const id of ids) {
      const article = this.#list.article(id);
      article.classList.add('new');
      this.#unseen.add(article);
      this.#eyes.observe(article);
    }
    if (ids.length > 0) this.#say(nameOf(post.author));
  }

  #say(author) {
    this.#authors.push(author);
    this.#speaking ??= setTimeout(() => {
      const count = this.#authors.length;
      this.#voice.textContent = count === 1 ? _('New post by %(author)s', { author: isolated(author) }) : newPosts(count);
      this.#authors = [];
      this.#speaking = null;
    }, SPEAK_AFTER_MS);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting && target.isConnected) continue;
      this.#unseen.delete(target);
      this.#eyes.unobserve(target);
    }
    this.#offer();
  }

  #offer() {
    const [first] = this.#unseen;
    this.#button.hidden = !first;
    if (!first) return;
    const arrow = first.getBoundingClientRect().top < 0 ? '↑' : '↓';
    this.#button.textContent = `${arrow} ${newPosts(this.#unseen.size)}`;
  }

  #go() {
    const [first] = this.#unseen;
    first.scrollIntoView({ block: 'center' });
    first.focus({ preventScroll: true });
  }
}

/** The state of the connection, as a small word beside the title. */
export class Status {
  #place; #timer; #state = 'connecting';

  constructor(place) { this.#place = place; }

  /** Its words are in the page (templates/_discussion.html); what has none is nobody's business. */
  #said(state) { return this.#place.getAttribute(`data-${state}`); }

  show(told, detail) {
    if (this.#said(told) === null) return;
    const state = told === 'failed' && (detail === 'not-found' || detail?.status === 404) ? 'gone' : told;
    this.#state = state;
    clearTimeout(this.#timer);
    const calm = state === 'live' || this.#place.dataset.state !== 'live';
    this.#timer = setTimeout(() => this.#set(state), calm ? 0 : WORRY_AFTER_MS);
  }

  /** Something the reader did was refused; after a while the state is shown again. */
  complain(message) {
    clearTimeout(this.#timer);
    this.#place.dataset.state = 'refused';
    this.#place.textContent = message;
    this.#timer = setTimeout(() => this.#set(this.#state), COMPLAINT_MS);
  }

  #set(state) {
    this.#place.dataset.state = state;
    this.#place.textContent = this.#said(state);
  }
}
