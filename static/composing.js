/** The forms of a discussion: the one at its top, and those below posts. What is typed stays until it was sent. */
import { keepsDraft, submits } from './forms.js';
import { Problem } from './pottle/requests.js';
import { _ } from './texts.js';
import { isolated } from './view.js';

export class Composing {
  #section; #account; #send; #save; #changed; #open = new Map(); // post id -> {form, forget}, what is below it

  /**
   * @param {{send: (values: object, key: string) => Promise<object>, save: (id: number, body: string, version: number) => Promise<void>,
   *   changed: () => void}} does `changed` is called when a form below a post has gone
   */
  constructor(section, account, { send, save, changed }) {
    this.#section = section;
    this.#account = account;
    this.#send = (values, key) => { this.#mustBeKnown(); return send(values, key); };
    this.#save = (...change) => { this.#mustBeKnown(); return save(...change); };
    this.#changed = changed;
    this.#atTheTop();
  }

  get #slot() { return this.#section.dataset.draft ?? this.#section.dataset.channel; }

  /** Whether somebody may post here as far as who they are goes. */
  get known() { return Boolean(this.#account.me) || this.#section.dataset.posting === 'guests'; }

  /** The posts below which somebody is writing. @returns {Set<number>} */
  get answered() { return new Set([...this.#open].filter(([, { form }]) => isWritten(form)).map(([id]) => id)); }

  /** Shows the forms to those who may use them. One with a text in it stays: it may be copied, or sent later. */
  show(allowed) {
    const form = this.#section.querySelector('#compose');
    form.hidden = !allowed && !isWritten(form);
    for (const label of this.#section.querySelectorAll('.guest-name')) label.hidden = Boolean(this.#account.me);
  }

  /** Says so in the forms below posts that were removed. */
  adapt() {
    for (const [id, { form }] of this.#open) {
      const gone = form.closest('.post')?.dataset.state === 'removed';
      if (!form.isConnected || (gone && !isWritten(form))) this.#close(id);
      else if (gone) this.#lostItsPost(form);
    }
  }

  #atTheTop() {
    const form = this.#section.querySelector('#compose');
    const forget = keepsDraft(form.elements.body, this.#slot);
    submits(form, async (values, key) => {
      await this.#send(values, key);
      if (goesOn(form, values)) return;
      form.elements.body.value = '';
      forget();
    });
  }

  /** A form to answer a post. @param {(post: object) => void} done */
  reply(article, parent, done) {
    if (!this.known) return this.#account.ask();
    const form = this.#below(article, 'reply', `${this.#slot}:${parent}`);
    form.querySelector('.visually-hidden').textContent = _('Your reply to %(author)s', { author: isolated(article.querySelector('.author').textContent) });
    this.#submits(form, parent, (values, key) => this.#send({ ...values, parent }, key), done);
  }

  /** A form to change one's own post. */
  edit(article, { id, body, version }, done) {
    const form = this.#below(article, 'edit', `edit:${id}:${version}`, body);
    form.querySelector('.visually-hidden').textContent = _('Your post');
    form.querySelector('[type=submit]').textContent = _('Save');
    this.#submits(form, id, (values) => this.#save(id, values.body, version), done);
  }

  #submits(form, id, send, done) {
    submits(form, async (values, key) => {
      const post = await ('gone' in form.dataset ? this.#send(values, key) : send(values, key));
      if (!goesOn(form, values)) this.#close(id);
      done(post);
    });
  }

  #lostItsPost(form) {
    if ('gone' in form.dataset) return;
    form.dataset.gone = '';
    form.prepend(Object.assign(document.createElement('p'), { className: 'notice', role: 'status', textContent: form.dataset.does === 'edit'
      ? _('This post was removed. You can post your text anew, or copy it.') : _('The post you are answering was removed. You can post your text on its own, or copy it.') }));
    form.querySelector('[type=submit]').textContent = _('Post on its own');
    for (const label of form.querySelectorAll('.guest-name')) label.hidden = Boolean(this.#account.me);
  }

  /** A form below a post's text; there is one at a time for each post. */
  #below(article, does, draft, text = '') {
    const id = Number(article.dataset.id);
    this.#open.get(id)?.form.remove();
    const form = this.#section.querySelector('.reply-template').content.firstElementChild.cloneNode(true);
    form.classList.add('inline');
    form.dataset.does = does;
    for (const label of form.querySelectorAll('.guest-name')) label.hidden = Boolean(this.#account.me) || does === 'edit';
    article.append(form);
    const field = form.elements.body;
    field.defaultValue = text;
    this.#open.set(id, { form, forget: keepsDraft(field, draft) });
    const cancel = form.querySelector('[data-do=cancel]');
    cancel.hidden = false;
    cancel.addEventListener('click', () => { this.#close(id); article.focus(); });
    field.focus();
    return form;
  }

  #close(id) {
    const { form, forget } = this.#open.get(id);
    this.#open.delete(id);
    forget();
    form.remove();
    this.#changed();
  }

  #mustBeKnown() {
    if (this.known) return;
    this.#account.ask();
    throw new Problem({ detail: _('You are no longer signed in. Your text stays here: sign in, and send it again.') });
  }
}

/** Whether somebody has gone on writing while what was written before was on its way. */
const goesOn = ({ elements: { body } }, sent) => body.value !== sent.body;

const isWritten = ({ elements: { body } }) => body.value.trim() !== '' && body.value !== body.defaultValue;
