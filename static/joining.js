/** The page where codes are used: from a link's fragment, which no server sees (some write it as `?code=`), or typed from the board. */
import { submits } from './forms.js';
import { Problem } from './pottle.js';
import { withSecond } from './second.js';
import { _ } from './texts.js';

const CODE = /^([0-9A-Z]{8}|[0-9A-Z]{16})$/i;

export class Joining {
  #section; #pottle; #account; #code = ''; #group = null; #arrive; #chose; #provider;

  /**
   * @param {{become: (user: object) => void, giveSecond: (needed: object) => Promise<any>}} account hears who has signed
   *   up, and asks for a second factor
   * @param {{arrive?: () => Promise<void>, chose?: (session: object) => Promise<void>,
   *   provider?: (name: string, code: string) => Promise<{url: string}>}} [instead] of leaving this page for
   *   the group's, or for the front page after a password was chosen
   */
  constructor(section, pottle, account, { arrive, chose, provider } = {}) {
    this.#section = section;
    this.#pottle = pottle;
    this.#account = account;
    this.#arrive = arrive ?? (() => this.#leave());
    this.#chose = chose ?? (async () => location.assign(this.#section.dataset.home));
    this.#provider = provider ?? ((name, invitation) => this.#pottle.api('POST', `/api/providers/${name}`, { invitation, next: this.#next().slice(this.#section.dataset.home.length - 1) }));
    submits(this.#find('[data-kind=code] form'), ({ code }) => this.#lookUp(code));
    submits(this.#find('.accept'), () => this.accept());
    submits(this.#find('.password'), ({ password }) => this.#choose(password));
    section.querySelectorAll('[data-provider]').forEach((button) => {
      button.disabled = false;
      button.addEventListener('click', () => this.#goOn(button));
    });
    section.querySelectorAll('.sign-up').forEach((form) => submits(form, (values) => this.#signUp(() => pottle.signUp({ ...values, invitation: this.#code }))));
    import('./passkeys.js').then(({ offers, signUp, useCode }) => {
      section.querySelectorAll('.sign-up').forEach((form) => offers(form, (values) => this.#signUp(() => signUp(pottle, { ...values, invitation: this.#code }))));
      offers(this.#find('.password'), async () => this.#chose(await useCode(pottle, this.#code)));
    });
    addEventListener('hashchange', () => this.#followLink());
    this.#show('code');
    this.#followLink();
  }

  #find(selector) { return this.#section.querySelector(selector); }

  /** Takes the code out of the address bar, so that it is in no history and on no screenshot. */
  #followLink() {
    const code = location.hash.slice(1) || new URLSearchParams(location.search).get('code');
    if (!code) return;
    history.replaceState(null, '', location.pathname);
    this.#show('code');
    const form = this.#find('[data-kind=code] form');
    form.elements.code.value = code;
    form.requestSubmit();
  }

  async #lookUp(code) {
    if (!CODE.test(code.replace(/[^0-9A-Z]/gi, ''))) {
      throw new Problem({ errors: [{ field: 'code', message: _('A code has 8 letters and digits (16 in some links).') }] });
    }
    const { kind, role, group, user } = await this.#pottle.api('POST', '/api/invitations/look-up', { code });
    this.#code = code;
    this.#group = group;
    this.#find('.group-name').textContent = group?.name ?? '';
    this.#find('.as-moderator').hidden = role !== 'moderator';
    this.#find('.user-name').textContent = user?.name ?? '';
    this.#find('.password [name=uid]').value = user?.uid ?? '';
    this.#show(kind);
  }

  #show(kind) {
    this.#section.querySelectorAll('[data-kind]').forEach((part) => { part.hidden = part.dataset.kind !== kind; });
    const fields = [...this.#find(`[data-kind=${kind}]`).querySelectorAll('input:not([readonly])')];
    fields.find((field) => field.offsetParent)?.focus();
  }

  async #signUp(enter) {
    await enter();
    this.#account.become(await this.#pottle.me());
    await this.#arrive();
  }

  /** Joins the code's group, as whoever is signed in. */
  async accept() {
    await this.#pottle.api('POST', '/api/me/invitations', { code: this.#code });
    await this.#arrive();
  }

  async #choose(password) {
    const choose = () => this.#pottle.api('PUT', '/api/password', { code: this.#code, password });
    const session = await withSecond(choose, (needed) => this.#account.giveSecond(needed));
    if (session) await this.#chose(session);
  }

  /** To Google or the like, and from there into the group. */
  async #goOn(button) {
    button.disabled = true;
    try {
      const { url } = await this.#provider(button.dataset.provider, this.#code);
      location.assign(url);
    } catch (problem) {
      button.setCustomValidity(problem.message);
      button.reportValidity();
    } finally {
      button.disabled = false;
    }
  }

  /** The page of the group that is joined; the front page where there is none. */
  #next() {
    const { home, group } = this.#section.dataset;
    return group && this.#group ? group.replace(/-$/, encodeURIComponent(this.#group.slug)) : home;
  }

  async #leave() { location.assign(this.#next()); }
}
