/** What the API has for discussions, for a client of it. */
import { unless } from './pottle/asking.js';

/** @template {new (...options: any[]) => import('./pottle/asking.js').Asking} T @param {T} Base */
export const talking = (Base) => class extends Base {
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
  post(channel, { body, parent, guest, anonymous }, options) {
    const send = (proof) => this.api('POST', `/api/channels/${channel}/posts`, { body, parent, guest, anonymous: anonymous && true, proof }, options);
    return send().catch(async (problem) => {
      if (!problem.type.endsWith('proof-needed')) throw problem;
      return send(await (await import('./proof.js')).solved(await this.api('GET', '/api/challenge')));
    });
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
};

const defined = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
