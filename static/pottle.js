/**
 * Pottle's browser client: the JSON API and live updates, for our own pages and for static sites on other origins.
 *
 *     import { connect } from 'https://your-pottle.example/static/pottle.js';
 *     const pottle = connect();
 *     const channel = await pottle.channel('home', 'lobby');
 *     const read = async () => { const page = await pottle.posts(channel.id); show(page.posts); return page; };
 *     pottle.subscribe(channel.id, { ...await read(), onChange: (change) => …, onReset: read });
 *
 * On our own origin the session cookie says who is asking; elsewhere a bearer token does, kept in this site's
 * own localStorage, because browsers block cookies of other sites.
 *
 * @typedef {{epoch: string, seq: number}} Position  which history of the database, and how far in it
 * @typedef {{uid: string, name: string, avatar: ?string, badge?: 'moderator' | 'admin'} | {guest: string}} Author
 * @typedef {{id: number, channel: number, parent: ?number, author: Author, body: string, html: string, state: string,
 *   reactions: Object<string, number>, replies: number, created: string, edited: ?string, version: number}} Post
 * @typedef {{posts: Post[], next: ?string, prev: ?string, epoch: string, seq: number}} Page
 * @typedef {{channel: number, seq: number, prev: number, kind: string, post?: Post}} Change
 */
import { browser } from './pottle/browser.js';
import { Connection } from './pottle/connection.js';
import { Problem, requests } from './pottle/requests.js';
import { Subscription } from './pottle/subscription.js';
import { keeper } from './pottle/token.js';
import { Watch } from './pottle/watch.js';

export { Problem };

const CONFIRM = 'urn:pottle:confirmation-needed';
/** For keeping a channel's posts: `thread.start(page)`, `thread.apply(thread, change)`, `thread.visible(thread)`, … */
export * as thread from './thread.js';

/** Where this very file came from, less `/static/…`: the server, under whatever prefix it is mounted. */
export const baseOf = (address) => new URL(address).href.replace(/\/static\/(~[^/]+\/)?pottle\.js.*$/, '');

/**
 * @param {{url?: string, token?: string, storage?: Storage, onSignedOut?: () => void, onConfirm?: () => Promise<boolean>,
 *   env?: object}} [options]
 *   `url` is the server's address, by default where this module was loaded from; `token` overrides the kept one;
 *   `storage` keeps it (localStorage); `onSignedOut` is called when the server no longer accepts us; `onConfirm` when
 *   it wants the password again: it resolves to whether `confirm(password)` was done, and then the request is repeated;
 *   `env` replaces parts of the browser in tests, see pottle/browser.js.
 */
export const connect = (options) => new Pottle(options);

class Pottle {
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
   * The channel of a key, created when it is not there and we may.
   * @param {string} group its slug @param {string} key a room's name, or a page's path
   * @param {{title?: string, url?: string}} [about] for creating it
   * @returns {Promise<?object>} null when there is none yet and we may not create it
   */
  async channel(group, key, { title, url } = {}) {
    const path = `/api/groups/${encodeURIComponent(group)}/channels`;
    const found = await unless(404, this.api('GET', `${path}?${new URLSearchParams({ key })}`));
    if (found?.channels?.length) return found.channels[0];
    return unless([401, 403], this.api('POST', path, { key, title, url }));
  }

  /** @returns {Promise<Page>} newest first; its epoch and seq are where a subscription goes on */
  posts(channel, { before, after, limit } = {}) {
    const query = new URLSearchParams(defined({ before, after, limit }));
    return this.api('GET', `/api/channels/${channel}/posts?${query}`.replace(/\?$/, ''));
  }

  /** @returns {Promise<Post>} whose state tells whether it waits for a moderator */
  post(channel, { body, parent, guest }, options) {
    return this.api('POST', `/api/channels/${channel}/posts`, { body, parent, guest }, options);
  }

  /**
   * @param {number} [version] of the post that was edited: refused with 412 when it is no longer that
   * @returns {Promise<Post>} with the new text as `edit`, where that waits for a moderator
   */
  edit(post, body, version) {
    return this.api('PATCH', `/api/posts/${post}`, { body }, version && { ifMatch: `"${version}-0"` });
  }

  /** @param {number} [version] that was seen, as in `edit` */
  remove(post, version) { return this.api('DELETE', `/api/posts/${post}`, undefined, version && { ifMatch: `"${version}-0"` }); }

  /** @returns {Promise<object>} the post's counts by kind */
  react(post, kind, on = true) { return this.api(on ? 'PUT' : 'DELETE', `/api/posts/${post}/reactions/${kind}`); }

  /** @returns {Promise<{post: number, kind: string}[]>} */
  async myReactions(channel) { return (await this.api('GET', `/api/me/reactions?channel=${channel}`)).reactions; }

  /** How many posts each key has, for index pages. */
  counts(group, keys) {
    return this.api('GET', `/api/counts?${new URLSearchParams([['group', group], ...keys.map((key) => ['key', key])])}`);
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

const defined = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Null in place of a Problem of that status. */
async function unless(statuses, answer) {
  try {
    return await answer;
  } catch (problem) {
    if ([statuses].flat().includes(problem.status)) return null;
    throw problem;
  }
}
