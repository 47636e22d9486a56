/** Who is looking at the page, and the dialogs to sign up, in and out, and to type the password again. Nothing is reloaded, so no draft is lost. */
import { submits } from './forms.js';
import { withSecond } from './second.js';

export class Account {
  #pottle; #ticket; #offered = false; #listeners = [];

  constructor(pottle) {
    this.#pottle = pottle;
    const { uid, name, role } = document.body.dataset;
    this.me = uid ? { uid, name, role } : null;
    this.#dialog('sign-in', (values) => this.enter(() => pottle.signIn(values)));
    this.#dialog('sign-up', (values) => this.enter(() => pottle.signUp(values)));
    this.#dialog('give-second', ({ code }) => pottle.giveSecond({ code, ticket: this.#ticket }));
    this.#dialog('confirm', ({ password, code }) => pottle.confirm(password, code));
    document.addEventListener('click', (event) => this.#clicked(event));
    document.addEventListener('refused', ({ detail }) => this.#refused(detail));
  }

  /** @param {(user: ?object, byOneself: boolean) => void} listener */
  onChange(listener) { this.#listeners.push(listener); }

  /** Opens a dialog over whatever other is open. */
  ask(which = 'sign-in') {
    document.querySelectorAll('dialog[open]').forEach((dialog) => dialog.close());
    document.getElementById(which).showModal();
    this.#offersPasskeys();
    if (which === 'sign-in') this.#passkeys(({ fills, signIn }) => fills(this.#form(which), (more) => this.#entered(which, () => signIn(this.#pottle, more))));
  }

  #form(id) { return document.getElementById(id)?.querySelector('form'); }

  /** What is done with passkeys, once the module for it is there. */
  #passkeys(act) { import('./passkeys.js').then(act); }

  /** Dialogs get their buttons for passkeys when one of them is first opened. */
  #offersPasskeys() {
    if (this.#offered) return;
    this.#offered = true;
    this.#passkeys(({ offers, signIn, signUp, confirm }) => {
      offers(this.#form('sign-in'), () => this.#entered('sign-in', () => signIn(this.#pottle)));
      offers(this.#form('sign-up'), (values) => this.#entered('sign-up', () => signUp(this.#pottle, values)));
      offers(this.#form('give-second'), () => signIn(this.#pottle).then(() => this.#close('give-second')));
      offers(this.#form('confirm'), () => confirm(this.#pottle).then(() => this.#close('confirm')));
    });
  }

  async #entered(id, enter) {
    await this.enter(enter);
    this.#close(id);
  }

  #close(id) {
    this.#form(id).reset();
    document.getElementById(id).close('done');
  }

  become(user, byOneself = true) {
    if (!user && !this.me) return;
    this.me = user;
    document.querySelectorAll('.signed-in').forEach((part) => { part.hidden = !user; });
    document.querySelectorAll('.signed-out').forEach((part) => { part.hidden = Boolean(user); });
    document.querySelectorAll('.admins').forEach((part) => { part.hidden = user?.role !== 'admin'; });
    document.querySelectorAll('.me').forEach((part) => { part.textContent = user?.name ?? ''; });
    document.querySelectorAll('.mine .avatar').forEach((place) => { place.textContent = user?.uid[0].toUpperCase() ?? ''; }); // its colour or picture comes with the next page
    this.#listeners.forEach((listener) => listener(user, byOneself));
  }

  /** Signs in by `enter`, and asks for the second factor where there is one. Whoever has yet to set it up is led there. */
  async enter(enter, goOn = (user) => this.become(user)) {
    if (!await withSecond(enter, (needed) => this.giveSecond(needed))) return;
    const user = await this.#pottle.me();
    const { missing } = await this.#pottle.api('GET', '/api/me/second');
    if (missing) location.assign(document.querySelector('a.mine').href.replace(/\/?$/, '/access#second'));
    else goOn(user);
  }

  /** Asks for the second factor. @returns {Promise<boolean>} whether it was given */
  giveSecond({ ticket, ways }) {
    this.#ticket = ticket;
    document.querySelector('#give-second [data-way=passkey]').hidden = !ways.includes('passkey');
    document.getElementById('give-second').returnValue = '';
    this.ask('give-second');
    return this.#closed('give-second');
  }

  /** Asks for the password again. @returns {Promise<boolean>} whether it was given; not when the reader cancels */
  async confirm() {
    const dialog = document.getElementById('confirm');
    dialog.returnValue = '';
    const { ways } = await this.#pottle.api('GET', '/api/session/confirm');
    dialog.querySelectorAll('[data-way]').forEach((way) => { way.hidden = !ways[way.dataset.way]; });
    if (!dialog.open) dialog.showModal();
    this.#offersPasskeys();
    return this.#closed('confirm');
  }

  /** @returns {Promise<boolean>} whether a dialog was not cancelled */
  #closed(id) {
    const dialog = document.getElementById(id);
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'done'), { once: true });
    });
  }

  #dialog(id, act) {
    const dialog = document.getElementById(id);
    const form = dialog.querySelector('form');
    submits(form, async (values) => {
      await act(values);
      form.reset();
      dialog.close('done');
    });
  }

  #clicked({ target }) {
    const provider = target.closest('a[data-provider]');
    if (provider?.closest('dialog')) {
      const root = provider.pathname.replace(/\/account\/with\/.*/, '');
      const query = new URLSearchParams(provider.search);
      query.set('next', location.pathname.slice(root.length) + location.search + location.hash);
      provider.search = query;
    }
    const button = target.closest('button');
    if (button?.dataset.open) this.ask(button.dataset.open);
    if (button && 'close' in button.dataset) button.closest('dialog').close();
    if (button?.dataset.do === 'sign-out') this.#leave(button);
  }

  /** Where a session has ended, what is for members alone is `not there`. */
  async #refused(status) {
    if (!this.me || ![401, 404].includes(status)) return;
    const known = await this.#pottle.me().catch(() => this.me); // unreachable: the next request will tell
    if (!known) this.become(null, false);
  }

  async #leave(button) {
    button.disabled = true;
    try {
      await this.#pottle.signOut();
      this.become(null);
    } finally {
      button.disabled = false;
    }
  }
}
