/** One's own posts in a channel that others do not see as one wrote them: they wait, were removed, have an edit, or are anonymous. */

const MOST = 100;

export class OwnPosts {
  #pottle; #discussion; #posts = new Map();

  constructor(pottle, discussion) {
    this.#pottle = pottle;
    this.#discussion = discussion;
  }

  async learn(me) {
    const { channel } = this.#discussion;
    const path = `/api/me/posts?channel=${channel}&limit=${MOST}`;
    const known = { posts: [...this.#posts.values()] }; // unreachable: the next time will tell
    const { posts } = me && channel ? await this.#pottle.api('GET', path).catch(() => known) : { posts: [] };
    this.#posts = new Map(posts.map((post) => [post.id, post]));
  }

  /** Those that others do not see at all. */
  get withheld() { return [...this.#posts.values()].filter(({ state }) => state !== 'published'); }

  /** The answer to one's own request. */
  note(post) {
    if (post.edit || post.state !== 'published' || post.author.anonymous) this.#posts.set(post.id, post);
    else this.#posts.delete(post.id);
  }

  forget(id) { this.#posts.delete(id); }

  has(id) { return this.#posts.has(id); }

  /** @returns {?object} one of them, with its `edit`, the new text that is not approved, and the `decision` why it was removed */
  of(id) { return this.#posts.get(id); }
}
