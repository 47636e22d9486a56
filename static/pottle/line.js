/** What reading takes of a server: its address, who is asking, and the one connection. */
import { browser } from './browser.js';
import { Connection } from './connection.js';
import { Subscription } from './subscription.js';
import { keeper } from './token.js';

/** Where a module of ours came from, less `/static/…`: the server, under whatever prefix it is mounted. */
export const baseOf = (address) => new URL(address).href.replace(/\/(static\/(~[^/]+\/)?pottle(\/line|\/client)?|embed)\.js.*$/, '');

const TIMEOUT_MS = 30_000;

export class Line {
  #tokens;
  /** While somebody signs out the socket is closed with 4401, and that is no news. */
  leaving = false;

  /** Options as of `Client` in client.js; `slot` is for a token that is not good everywhere. */
  constructor({ url = baseOf(import.meta.url), slot = '', token, storage, onSignedOut = () => {}, env = {} } = {}) {
    this.env = { ...browser, ...env };
    this.url = url.replace(/\/+$/, '');
    /** Whether the session cookie counts, so that no token is needed. */
    this.sameOrigin = new URL(this.url).origin === this.env.origin;
    this.credentials = this.sameOrigin ? 'same-origin' : 'omit';
    this.#tokens = keeper(this.url + slot, { token, storage: storage ?? this.env.storage(), now: this.env.now });
    this.token = () => this.#tokens.read();
    this.signedOut = () => { this.#tokens.forget(); this.connection.tell('signed-out'); onSignedOut(); };
    this.connection = new Connection({ base: this.url, token: this.token, signedOut: this.signedOut, env: this.env, doubted: () => this.#verify() });
  }

  /** A request with a bad token forgets it by itself; a bad cookie shows only in there being nobody. */
  async #verify() {
    if (this.leaving || !(this.sameOrigin || this.hasToken)) return;
    const { status } = await this.get('/api/me').catch((problem) => problem); // unreachable: the next request will tell
    if (status === 401 && this.sameOrigin) this.signedOut();
  }

  /**
   * What somebody reads, once: with the token as long as that is good. @returns {Promise<string>}
   * @throws {Error} with the `status` of a refusal
   */
  async get(path) {
    const token = this.token();
    const answer = await this.env.fetch(this.url + path, {
      headers: { ...this.env.headers(), ...token && { Authorization: `Bearer ${token}` } }, credentials: this.credentials, signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.ok) return answer.text();
    if (answer.status !== 401 || !token) throw Object.assign(new Error(answer.statusText), { status: answer.status });
    if (this.token() === token) this.signedOut();
    return this.get(path);
  }

  /** Whether a token is at hand; always false on our own origin, where the cookie is out of our sight. */
  get hasToken() { return this.token() !== null; }

  /** Goes on as whoever a token is of. */
  enter({ token, expires }) {
    if (!this.sameOrigin) this.#tokens.keep(token, expires);
    this.connection.restart();
  }

  /** Goes on as nobody. */
  leave() {
    this.#tokens.forget();
    this.connection.restart();
  }

  /** As `Client.subscribe`. */
  subscribe(channel, options) {
    const subscription = new Subscription(channel, options, this.connection);
    this.connection.add(subscription);
    return { close: () => subscription.close() };
  }
}
