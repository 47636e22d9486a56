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
 * @typedef {{uid: string, name: string, avatar: ?string, badge?: 'moderator' | 'admin'} | {guest: string} | {anonymous: true}} Author
 * @typedef {{id: number, channel: number, parent: ?number, author: Author, body: string, html: string, state: string,
 *   reactions: Object<string, number>, replies: number, created: string, edited: ?string, version: number,
 *   pinned: boolean, endorsed: boolean, answer: boolean}} Post
 * @typedef {{posts: Post[], next: ?string, prev: ?string, epoch: string, seq: number}} Page
 * @typedef {{channel: number, seq: number, prev: number, kind: string, post?: Post}} Change
 */
import { baseOf, Client, Problem } from './pottle/client.js';
import { talking } from './talking.js';

export { baseOf, Problem };
/** For keeping a channel's posts: `thread.start(page)`, `thread.apply(thread, change)`, `thread.visible(thread)`, … */
export * as thread from './thread.js';

/** @param {object} [options] as of `Client` in pottle/client.js: `url`, `token`, `storage`, `onSignedOut`, `onConfirm` */
export const connect = (options) => new Pottle(options);

class Pottle extends talking(Client) {
  /**
   * Makes up to 500 posts at once, in their order; `parent_index` is the index of one before it.
   * @returns {Promise<({post: Post} | {error: object})[]>} what became of each: the error is a Problem as the API has it
   */
  async postAll(channel, posts, options) {
    const { outcomes } = await this.api('POST', `/api/channels/${channel}/posts`, { posts }, options);
    return outcomes;
  }
}
