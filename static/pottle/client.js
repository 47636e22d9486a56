/**
 * What every application of the engine has: requests of its API, accounts, streams and watches. `static/pottle.js` adds discussions.
 *
 * @typedef {{epoch: string, seq: number}} Position  which history of the database, and how far in it
 */
import { Asking } from './asking.js';
import { baseOf } from './line.js';
import { Problem } from './requests.js';
import { Watch } from './watch.js';

export { Problem, baseOf };

/**
 * @param {{url?: string, token?: string, storage?: Storage, onSignedOut?: () => void, onConfirm?: () => Promise<boolean>,
 *   env?: object, line?: Line}} [options]
 *   `url` is the server's address, by default where this module was loaded from; `token` overrides the kept one;
 *   `storage` keeps it (localStorage); `onSignedOut` is called when the server no longer accepts us; `onConfirm` when
 *   it wants the password again: it resolves to whether `confirm(password)` was done, and then the request is repeated;
 *   `env` replaces parts of the browser in tests, see pottle/browser.js; `line` is one that others use too.
 */
export class Client extends Asking {
  #watches = new Map();

  /** Creates the account and signs in. @returns {Promise<object>} the user */
  async signUp({ uid, name, password, email, invitation }) {
    await this.api('POST', '/api/users', { uid, name, password, email, invitation });
    return this.signIn({ uid, password });
  }

  /**
   * @returns {Promise<object>} the user
   * @throws {Problem} of the type `urn:pottle:second-factor-needed`, with a `ticket` for `giveSecond`
   */
  async signIn({ uid, password }) { return this.entered(await this.api('POST', '/api/session', { uid, password })); }

  /** A code of the authenticator app, or a recovery code, after the password. @returns {Promise<object>} the user */
  async giveSecond({ ticket, code }) { return this.entered(await this.api('POST', '/api/session/second', { ticket, code })); }

  /** From now on we are whoever this session is of. @returns {object} the user */
  entered({ user, ...given }) {
    this.line.enter(given);
    return user;
  }

  /** The password again, which some requests want: those that could take an account over. Or a code of the app. */
  confirm(password, code) { return this.api('POST', '/api/session/confirm', code ? { code } : { password }); }

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
  subscribe(channel, options) { return this.line.subscribe(channel, options); }

  /**
   * Keeps the answer to a GET: `onValue` gets it now and each time that it has become another one, across lost connections.
   * @param {string} path as documented, e.g. `/api/groups/class/channels?limit=20`
   * @param {(value: any) => void} onValue  the parsed answer
   * @param {{onState?: (state: string, detail?: any) => void}} [options]  `onState` hears `live`, `reconnecting`,
   *   `signed-out`, and `failed` with the code or Problem (no more will come until somebody signs in)
   * @returns {{close: () => void}}
   */
  watch(path, onValue, { onState = () => {} } = {}) {
    const { connection } = this.line;
    let watch = this.#watches.get(path);
    if (!watch?.wanted) {
      watch = new Watch(path, (get, etag) => this.api('GET', get, undefined, { ifNoneMatch: etag ?? null }), connection);
      this.#watches.set(path, watch);
      connection.add(watch);
      watch.refresh();
    }
    return { close: watch.listen(onValue, onState) };
  }
}
