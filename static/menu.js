/** What may be done to posts: one menu for all of a discussion, below the post for which it is open. */
import { _ } from './texts.js';
import { isolated } from './view.js';

/** What a choice changes of a post. */
const CHANGES = {
  approve: { state: 'published' }, restore: { state: 'published' },
  answer: { answer: true }, 'no-answer': { answer: false }, endorse: { endorsed: true }, unendorse: { endorsed: false }, pin: { pinned: true }, unpin: { pinned: false },
};

/**
 * What somebody may choose for a post, by the names that the buttons have in templates/_post.html.
 * @param {object} post and one's own `marks` of it, and the Reader of personal.js @param {object} root what it answers, at the beginning
 * @returns {Object<string, boolean>}
 */
function allowed({ post: { state, author, answer, endorsed, pinned }, mine, moderates, locked, withheld, edit, signedIn }, root) {
  const [removed, published] = [state === 'removed', state === 'published'];
  const marks = published && moderates;
  const answers = published && Boolean(root) && (moderates || (root.mine && !locked));
  return {
    answer: answers && !answer, 'no-answer': answers && answer, endorse: marks && !endorsed, unendorse: marks && endorsed, pin: marks && !pinned, unpin: marks && pinned,
    author: moderates && !author.uid && !author.guest, history: moderates && Boolean(author.uid), claim: published && signedIn && Boolean(author.guest),
    approve: moderates && state === 'pending', edit: mine && (moderates || !locked) && !removed, withdraw: Boolean(edit),
    link: published, report: published && signedIn && !mine, remove: (mine || moderates) && (!removed || withheld), restore: moderates && removed,
  };
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Menu {
  #place; #group; #pottle; #about; #change; #button = null; #id = null;

  /**
   * @param {HTMLElement} section as in templates/_discussion.html @param {import('./pottle.js').Pottle} pottle
   * @param {(id: number) => object} about a post, as `allowed` takes it @param {(id: number, fields: object) => void} change
   */
  constructor(section, pottle, about, change) {
    this.#pottle = pottle;
    this.#about = about;
    this.#change = change;
    this.#place = section.querySelector('.menu');
    this.#group = section.dataset.group;
    this.#place.addEventListener('click', (event) => this.#chosen(event));
    this.#place.addEventListener('submit', (event) => this.#report(event));
    section.addEventListener('keydown', (event) => this.#pressed(event));
    section.addEventListener('focusin', ({ target }) => target.contains(this.#place) || this.#left([target, target.closest('.menu')])); // Safari focuses what is around a button
    document.addEventListener('pointerdown', (event) => this.#left(event.composedPath()));
  }

  /** What is not done here, the discussion does. */
  #chosen({ target }) {
    const item = target.closest('button');
    if (!item) return;
    const { do: does } = item.dataset;
    if (does === 'link') return this.#copy(item);
    if (does === 'author') return this.#unveil(item);
    if (does === 'claim') return this.#claim(item);
    if (does === 'report') return this.#ask();
    if (does === 'history') return this.#history();
    this.close();
    if (does in CHANGES) this.#change(this.#id, CHANGES[does]);
  }

  /** To a moderator, who asked: never by itself, for the class may see the screen. */
  async #unveil(item) {
    const author = await this.#pottle.api('GET', `/api/posts/${this.#id}/author`).catch(({ message }) => ({ guest: message }));
    item.textContent = author.uid ? `${isolated(author.name)} (${author.uid})` : author.guest;
  }

  /** On a page of ours, for moderators; beside a foreign one. */
  #history() {
    const { url } = this.#pottle;
    const { uid } = this.#about(this.#id).post.author;
    const path = `${url}/groups/${this.#group}/history/${encodeURIComponent(uid)}`;
    open(path, path.startsWith(location.origin) ? '_self' : '_blank');
  }

  /** Of a guest who came from another site; a moderator decides. */
  async #claim(item) {
    item.textContent = await this.#pottle.api('PUT', `/api/posts/${this.#id}/claim`)
      .then(() => _('A moderator will look at it'), ({ message }) => message);
  }

  /** Why a moderator should look at it. */
  #ask() {
    const [, choices, form] = this.#place.children;
    choices.hidden = true;
    form.hidden = false;
    form.elements.reason.focus();
  }

  async #report(event) {
    event.preventDefault();
    event.stopPropagation(); // it stands inside the form of the post's buttons
    const { target: form, target: { elements: { reason, note } } } = event;
    const [button, status] = [form.querySelector('button'), form.querySelector('[role=status]')];
    button.disabled = true;
    const said = { reason: reason.value, note: note.value.trim() || null };
    status.textContent = await this.#pottle.api('POST', `/api/posts/${this.#id}/reports`, said)
      .then(() => _('Thank you. A moderator will look at it.'), ({ message }) => { button.disabled = false; return message; });
  }

  /** The link is copied, or followed where browsers forbid that: on plain http. */
  #copy(item) {
    const { href } = this.#place.closest('.post').querySelector('.when');
    if (!navigator.clipboard) return location.assign(href);
    navigator.clipboard.writeText(href).then(() => { item.textContent = _('The link is copied'); });
  }

  /**
   * Opens it below the button, with the reactions or with all else; or closes it there.
   */
  toggle(button, id) {
    if (button === this.#button) return this.close();
    this.close();
    this.#button = button;
    this.#id = id;
    const about = this.#about(id);
    const root = Number(button.closest('[data-root]').dataset.root);
    button.ariaExpanded = 'true';
    button.after(this.#place);
    this.#place.hidden = false;
    const [picker, choices, form] = this.#place.children;
    form.reset();
    form.hidden = true;
    form.querySelector('button').disabled = false;
    form.querySelector('[role=status]').textContent = '';
    picker.hidden = button.dataset.do !== 'pick';
    choices.hidden = !picker.hidden;
    for (const item of picker.children) item.ariaPressed = String(about.marks.has(item.dataset.kind));
    const may = allowed(about, root === id ? null : this.#about(root));
    for (const item of choices.children) {
      const { do: does } = item.dataset;
      item.hidden = !may[does];
      item.textContent = item.dataset.label ??= item.textContent; // another may have taken its place
    }
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
