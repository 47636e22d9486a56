/** Posts on their way: shown at once, sent again under the same key where that failed, and kept over a reload. */
import { showProblem } from './forms.js';
import { made } from './view.js';
import { _ } from './texts.js';

const FIRST = Number.MAX_SAFE_INTEGER - 100_000; // an id above those of all posts
const REMEMBERED_MS = 23 * 3_600_000; // the server knows a key again for a day

export class Outbox {
  #discussion; #account; #send; #entries = []; #made = 0;

  /**
   * @param {import('./discussion.js').Discussion} discussion
   * @param {(values: object, key: string) => Promise<object>} send one post, which resolves to it once it is shown
   */
  constructor(discussion, account, send) {
    this.#discussion = discussion;
    this.#account = account;
    this.#send = send;
    account.onChange(() => this.#fetch());
    addEventListener('online', () => this.#entries.forEach((entry) => entry.problem?.status === 0 && this.#go(entry)));
    discussion.section.addEventListener('click', ({ target }) => this.#clicked(target.closest('[data-outgoing]')));
    this.#fetch();
  }

  /** What only its author sees yet, as posts. */
  get posts() { return this.#entries.filter((entry) => !this.#hasArrived(entry)).map(({ post }) => post); }

  /** @returns {object} the post as it is shown until the server has it */
  take(values, key) {
    const after = Math.max(0, ...this.#discussion.thread.posts.map(({ id }) => id));
    const entry = this.#add({ key, values, at: new Date().toISOString(), after });
    this.#keep();
    this.#discussion.show();
    this.#go(entry);
    return entry.post;
  }

  /** Says below each how it is doing. */
  adapt() {
    for (const { post, problem } of this.#entries) {
      const body = this.#discussion.list.article(post.id)?.querySelector('.body');
      if (!body) continue;
      const told = problem ? _('Not sent: %(why)s', { why: problem.message }) : _('Sending…');
      let note = body.parentElement.querySelector('.outgoing');
      if (note?.dataset.told === told) continue;
      note?.remove();
      note = made('p', { className: 'outgoing', role: 'status', textContent: told });
      note.dataset.told = told;
      if (problem) note.append(...[['again', _('Try again')], ['edit', _('Edit')], ['discard', _('Discard')]].map(([does, words]) => button(does, words)));
      body.after(note);
    }
  }

  #add({ key, values, at, after }) {
    const { uid, name, avatar = null } = this.#account.me;
    const author = values.anonymous ? { anonymous: true } : { uid, name, avatar };
    const html = made('p', { className: 'typed', textContent: values.body }).outerHTML;
    const post = { id: FIRST + this.#made++, parent: values.parent ?? null, author, html, state: 'sending', reactions: {}, replies: 0, created: at, edited: null, version: 1 };
    const entry = { key, values, at, after, post, problem: null, focused: false };
    this.#entries.push(entry);
    return entry;
  }

  /** Whether a change has brought it already, before the answer to ourselves. */
  #hasArrived(entry) {
    const { values, after, post } = entry;
    const { thread, list } = this.#discussion;
    const arrived = thread.posts.some(({ id, parent, body }) => id > after && parent === post.parent && body?.trim() === values.body.trim());
    if (arrived) entry.focused ||= Boolean(list.article(post.id)?.contains(document.activeElement));
    return arrived;
  }

  async #go(entry) {
    entry.problem = null;
    this.adapt();
    try {
      const { id } = await this.#send(entry.values, entry.key);
      this.#drop(entry);
      if (entry.focused) this.#discussion.list.article(id)?.focus({ preventScroll: true });
    } catch (problem) {
      const refused = problem.status >= 400 && problem.status < 500 && problem.status !== 429;
      if (refused) return this.#giveBack(entry, problem);
      entry.problem = problem;
      this.adapt();
    }
  }

  #drop(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#keep();
    this.#discussion.show();
  }

  /** Back into the form that it came from. */
  #giveBack(entry, problem) {
    this.#drop(entry);
    const form = this.#formOf(entry.values.parent);
    const field = form.elements.body;
    field.value = [entry.values.body, field.value].filter(Boolean).join('\n\n');
    field.dispatchEvent(new Event('input', { bubbles: true }));
    if (problem) showProblem(form, problem);
    else field.focus();
  }

  #formOf(parent) {
    const article = this.#discussion.list.article(parent);
    const below = () => article?.querySelector(':scope > .composer');
    if (!below()) article?.querySelector('[data-do=reply]').click();
    const form = below() ?? this.#discussion.section.querySelector('#compose');
    form.hidden = false;
    return form;
  }

  #clicked(chosen) {
    const id = Number(chosen?.closest('.post').dataset.id);
    const entry = this.#entries.find(({ post }) => post.id === id);
    if (!entry) return;
    const does = { again: () => this.#go(entry), edit: () => this.#giveBack(entry), discard: () => this.#drop(entry) };
    does[chosen.dataset.outgoing]();
  }

  // over a reload, for whoever wrote it

  get #slot() { return `outbox:${this.#discussion.channel}:${this.#account.me?.uid}`; }

  #keep() {
    const kept = this.#entries.map(({ key, values, at, after }) => ({ key, values, at, after }));
    try { sessionStorage.setItem(this.#slot, JSON.stringify(kept)); } catch { /* then it lasts as long as its page */ }
  }

  /** The server answers for a day as it did to what it knows already: sent again, nothing is there twice. */
  #fetch() {
    this.#entries = [];
    let kept = null;
    if (this.#account.me) try { kept = JSON.parse(sessionStorage.getItem(this.#slot)); } catch { /* there is none */ }
    for (const entry of (kept ?? []).map((one) => this.#add(one))) {
      if (Date.now() - Date.parse(entry.at) < REMEMBERED_MS) this.#go(entry);
      else entry.problem = new Error(_('it was written long ago.'));
    }
    if (kept?.length) this.#discussion.show();
  }
}

function button(does, textContent) {
  const choice = made('button', { type: 'button', className: 'link', textContent });
  choice.dataset.outgoing = does;
  return choice;
}
