/** What reading takes of a server: its address, requests, who is asking, and the one connection. */
import { browser } from './browser.js';
import { Connection } from './connection.js';
import { Problem, requests } from './requests.js';
import { Subscription } from './subscription.js';
import { keeper } from './token.js';

export { Problem };

/** Where a module of ours came from, less `/static/…`: the server, under whatever prefix it is mounted. */
export const baseOf = (address) => new URL(address).href.replace(/\/(static\/(~[^/]+\/)?pottle(\/line|\/client)?|embed)\.js.*$/, '');

export class Line {
  #tokens; #leaving = false;

  /** Options as of `Client` in client.js; `slot` is for a token that is not good everywhere. */
  constructor({ url = baseOf(import.meta.url), slot = '', token, storage, onSignedOut = () => {}, env = {} } = {}) {
    const here = { ...browser, ...env };
    this.url = url.replace(/\/+$/, '');
    /** Whether the session cookie counts, so that no token is needed. */
    this.sameOrigin = new URL(this.url).origin === here.origin;
    this.#tokens = keeper(this.url + slot, { token, storage: storage ?? here.storage(), now: here.now });
    const signedOut = () => { this.#tokens.forget(); this.connection.tell('signed-out'); onSignedOut(); };
    const shared = { base: this.url, token: () => this.#tokens.read(), signedOut, env: here };
    /** As `requests` in requests.js. */
    this.request = requests({ ...shared, credentials: this.sameOrigin ? 'same-origin' : 'omit' });
    this.connection = new Connection({ ...shared, doubted: () => this.#verify(signedOut) });
  }

  /** A request with a bad token forgets it by itself; a bad cookie shows only in there being nobody. */
  async #verify(signedOut) {
    if (this.#leaving || !(this.sameOrigin || this.hasToken)) return;
    const { status } = await this.request('GET', '/api/me').catch((problem) => problem); // unreachable: the next request will tell
    if (status === 401 && this.sameOrigin) signedOut();
  }

  /** Whether a token is at hand; always false on our own origin, where the cookie is out of our sight. */
  get hasToken() { return this.#tokens.read() !== null; }

  /** Goes on as whoever a token is of. */
  enter({ token, expires }) {
    if (!this.sameOrigin) this.#tokens.keep(token, expires);
    this.connection.restart();
  }

  async leave() {
    this.#leaving = true; // the socket is closed with 4401 before the answer is here, and that is no news
    try {
      await this.request('DELETE', '/api/session');
    } catch (problem) {
      if (problem.status !== 401) throw problem;
    } finally {
      this.#leaving = false;
    }
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
