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
import { baseOf, Client, Problem, unless } from './pottle/client.js';

export { baseOf, Problem };
/** For keeping a channel's posts: `thread.start(page)`, `thread.apply(thread, change)`, `thread.visible(thread)`, … */
export * as thread from './thread.js';

/** @param {object} [options] as of `Client` in pottle/client.js: `url`, `token`, `storage`, `onSignedOut`, `onConfirm` */
export const connect = (options) => new Pottle(options);

class Pottle extends Client {
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
}

const defined = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
