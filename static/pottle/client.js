/**
 * What every application of the engine has: requests of its API, accounts, streams and watches. `static/pottle.js` adds discussions.
 *
 * @typedef {{epoch: string, seq: number}} Position  which history of the database, and how far in it
 */
import { browser } from './browser.js';
import { Connection } from './connection.js';
import { Problem, requests } from './requests.js';
import { Subscription } from './subscription.js';
import { keeper } from './token.js';
import { Watch } from './watch.js';

export { Problem };

const CONFIRM = 'urn:pottle:confirmation-needed';

/** Where a module of ours came from, less `/static/…`: the server, under whatever prefix it is mounted. */
export const baseOf = (address) => new URL(address).href.replace(/\/static\/(~[^/]+\/)?pottle(\/client)?\.js.*$/, '');

/**
 * @param {{url?: string, token?: string, storage?: Storage, onSignedOut?: () => void, onConfirm?: () => Promise<boolean>,
 *   env?: object}} [options]
 *   `url` is the server's address, by default where this module was loaded from; `token` overrides the kept one;
 *   `storage` keeps it (localStorage); `onSignedOut` is called when the server no longer accepts us; `onConfirm` when
 *   it wants the password again: it resolves to whether `confirm(password)` was done, and then the request is repeated;
 *   `env` replaces parts of the browser in tests, see pottle/browser.js.
 */
export class Client {
  #tokens; #connection; #request; #onConfirm; #watches = new Map(); #leaving = false;

  constructor({ url = baseOf(import.meta.url), token, storage, onSignedOut = () => {}, onConfirm = async () => false, env = {} } = {}) {
    const here = { ...browser, ...env };
    this.url = url.replace(/\/+$/, '');
    /** Whether the session cookie counts, so that no token is needed. */
    this.sameOrigin = new URL(this.url).origin === here.origin;
    this.#tokens = keeper(this.url, { token, storage: storage ?? here.storage(), now: here.now });
    const signedOut = () => { this.#tokens.forget(); this.#connection.tell('signed-out'); onSignedOut(); };
    const shared = { base: this.url, token: () => this.#tokens.read(), signedOut, env: here };
    this.#onConfirm = onConfirm;
    this.#request = requests({ ...shared, credentials: this.sameOrigin ? 'same-origin' : 'omit' });
    this.#connection = new Connection({ ...shared, doubted: () => this.#verify(signedOut) });
  }

  /** A request with a bad token forgets it by itself; a bad cookie shows only in there being nobody. */
  async #verify(signedOut) {
    if (this.#leaving) return;
    const me = await this.me().catch(() => undefined); // unreachable: the next request will tell
    if (me === null && this.sameOrigin) signedOut();
  }

  /**
   * Any request of the API. Requests that are safe to repeat are repeated when the network fails, creating POSTs
   * with the same Idempotency-Key, so that nothing is created twice.
   * @param {string} method @param {string} path as documented, e.g. `/api/me` @param {object} [body]
   * @param {{idempotencyKey?: string, ifMatch?: string}} [options]
   * @returns {Promise<any>} the parsed answer, null where it has none
   * @throws {Problem} for every refusal (RFC 9457); `status` is 0 when the server could not be reached
   */
  async api(method, path, body, options) {
    const ask = () => this.#request(method, path, body, options);
    try {
      return await ask();
    } catch (problem) {
      if (problem.type !== CONFIRM || !await this.#onConfirm()) throw problem;
      return ask();
    }
  }

  /** Whether a token is at hand; always false on our own origin, where the cookie is out of our sight. */
  get hasToken() { return this.#tokens.read() !== null; }

  /** Creates the account and signs in. @returns {Promise<object>} the user */
  async signUp({ uid, name, password, email, invitation }) {
    await this.api('POST', '/api/users', { uid, name, password, email, invitation });
    return this.signIn({ uid, password });
  }

  /** @returns {Promise<object>} the user */
  async signIn({ uid, password }) {
    const { user, token, expires } = await this.api('POST', '/api/session', { uid, password });
    if (!this.sameOrigin) this.#tokens.keep(token, expires);
    this.#connection.restart();
    return user;
  }

  /** The password again, which some requests want: those that could take an account over. */
  confirm(password) { return this.api('POST', '/api/session/confirm', { password }); }

  async signOut() {
    this.#leaving = true; // the socket is closed with 4401 before the answer is here, and that is no news
    try {
      await this.api('DELETE', '/api/session');
    } catch (problem) {
      if (problem.status !== 401) throw problem;
    } finally {
      this.#leaving = false;
    }
    this.#tokens.forget();
    this.#connection.restart();
  }

  /** @returns {Promise<?object>} one's own account, or null when not signed in */
  async me() {
    if (!this.sameOrigin && !this.hasToken) return null;
    return unless(401, this.api('GET', '/api/me'));
  }

  /**
   * Follows a channel, across lost connections: every change once and in order, or `onReset`.
   * A client has one subscription a channel; subscribing again replaces it.
   * @param {number | string} channel  its number, or the name of another stream
   * @param {Partial<Position> & {onChange: (change: Change) => void, onReset: () => Promise<Position>,
   *   onState?: (state: string, detail?: any) => void}} options
   *   Without `epoch` and `seq` it starts from now. `onReset` is called when changes were missed for good: it reads
   *   the list again and resolves to that list's position. `onState` hears `connecting`, `live`, `reconnecting`,
   *   `resetting`, `signed-out` (the connection goes on without us), `failed` with the code or Problem (no more
   *   will come until somebody signs in), `closed`.
   * @returns {{close: () => void}}
   */
  subscribe(channel, options) {
    const subscription = new Subscription(channel, options, this.#connection);
    this.#connection.add(subscription);
    return { close: () => subscription.close() };
  }

  /**
   * Keeps the answer to a GET: `onValue` gets it now and each time that it has become another one, across lost connections.
   * @param {string} path as documented, e.g. `/api/groups/class/channels?limit=20`
   * @param {(value: any) => void} onValue  the parsed answer
   * @param {{onState?: (state: string, detail?: any) => void}} [options]  `onState` hears `live`, `reconnecting`,
   *   `signed-out`, and `failed` with the code or Problem (no more will come until somebody signs in)
   * @returns {{close: () => void}}
   */
  watch(path, onValue, { onState = () => {} } = {}) {
    let watch = this.#watches.get(path);
    if (!watch?.wanted) {
      const read = (get, etag) => this.#request('GET', get, undefined, { ifNoneMatch: etag ?? null });
      watch = new Watch(path, read, this.#connection);
      this.#watches.set(path, watch);
      this.#connection.add(watch);
      watch.refresh();
    }
    return { close: watch.listen(onValue, onState) };
  }
}

/** Null in place of a Problem of that status. */
export async function unless(statuses, answer) {
  try {
    return await answer;
  } catch (problem) {
    if ([statuses].flat().includes(problem.status)) return null;
    throw problem;
  }
}
