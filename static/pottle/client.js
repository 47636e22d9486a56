/**
 * What every application of the engine has: requests of its API, accounts, streams and watches. `static/pottle.js` adds discussions.
 *
 * @typedef {{epoch: string, seq: number}} Position  which history of the database, and how far in it
 */
import { Line, Problem, baseOf } from './line.js';
import { Watch } from './watch.js';

export { Problem, baseOf };

const CONFIRM = 'urn:pottle:confirmation-needed';

/**
 * @param {{url?: string, token?: string, storage?: Storage, onSignedOut?: () => void, onConfirm?: () => Promise<boolean>,
 *   env?: object, line?: Line}} [options]
 *   `url` is the server's address, by default where this module was loaded from; `token` overrides the kept one;
 *   `storage` keeps it (localStorage); `onSignedOut` is called when the server no longer accepts us; `onConfirm` when
 *   it wants the password again: it resolves to whether `confirm(password)` was done, and then the request is repeated;
 *   `env` replaces parts of the browser in tests, see pottle/browser.js; `line` is one that others use too.
 */
export class Client {
  #line; #onConfirm; #watches = new Map();

  constructor({ line, onConfirm = async () => false, ...options } = {}) {
    this.#line = line ?? new Line(options);
    this.#onConfirm = onConfirm;
    this.url = this.#line.url;
    this.sameOrigin = this.#line.sameOrigin;
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
    const ask = () => this.#line.request(method, path, body, options);
    try {
      return await ask();
    } catch (problem) {
      if (problem.type !== CONFIRM || !await this.#onConfirm()) throw problem;
      return ask();
    }
  }

  /** Whether a token is at hand; always false on our own origin, where the cookie is out of our sight. */
  get hasToken() { return this.#line.hasToken; }

  /** Creates the account and signs in. @returns {Promise<object>} the user */
  async signUp({ uid, name, password, email, invitation }) {
    await this.api('POST', '/api/users', { uid, name, password, email, invitation });
    return this.signIn({ uid, password });
  }

  /** @returns {Promise<object>} the user */
  async signIn({ uid, password }) {
    const { user, ...given } = await this.api('POST', '/api/session', { uid, password });
    this.#line.enter(given);
    return user;
  }

  /** The password again, which some requests want: those that could take an account over. */
  confirm(password) { return this.api('POST', '/api/session/confirm', { password }); }

  signOut() { return this.#line.leave(); }

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
  subscribe(channel, options) { return this.#line.subscribe(channel, options); }

  /**
   * Keeps the answer to a GET: `onValue` gets it now and each time that it has become another one, across lost connections.
   * @param {string} path as documented, e.g. `/api/groups/class/channels?limit=20`
   * @param {(value: any) => void} onValue  the parsed answer
   * @param {{onState?: (state: string, detail?: any) => void}} [options]  `onState` hears `live`, `reconnecting`,
   *   `signed-out`, and `failed` with the code or Problem (no more will come until somebody signs in)
   * @returns {{close: () => void}}
   */
  watch(path, onValue, { onState = () => {} } = {}) {
    const { request, connection } = this.#line;
    let watch = this.#watches.get(path);
    if (!watch?.wanted) {
      watch = new Watch(path, (get, etag) => request('GET', get, undefined, { ifNoneMatch: etag ?? null }), connection);
      this.#watches.set(path, watch);
      connection.add(watch);
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
