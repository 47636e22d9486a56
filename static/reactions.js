/** One's own reactions in a channel. They show at once and are taken back when the server refuses them. */

const EXCLUDES = { up: 'down', down: 'up' };

export class Reactions {
  #pottle; #discussion; #marks = new Map(); #sending = Promise.resolve();

  constructor(pottle, discussion) {
    this.#pottle = pottle;
    this.#discussion = discussion;
  }

  /** @returns {Set<string>} the kinds of one's own marks on a post */
  of(post) {
    if (!this.#marks.has(post)) this.#marks.set(post, new Set());
    return this.#marks.get(post);
  }

  async learn(me) {
    this.#marks = new Map();
    const { channel } = this.#discussion;
    const marks = me && channel ? await this.#pottle.myReactions(channel).catch(() => []) : []; // only colours are missing then
    for (const { post, kind } of marks) this.of(post).add(kind);
  }

  /**
   * Sent one after another, so that two quick clicks cannot overtake each other.
   * @returns {Promise<object>} the post's counts @throws {Problem}
   */
  toggle(post, kind) {
    const marks = this.of(post);
    const before = [...marks];
    const on = !marks.delete(kind);
    if (on) marks.add(kind).delete(EXCLUDES[kind]);
    const sent = this.#sending.then(() => this.#pottle.react(post, kind, on)).catch((problem) => {
      this.#marks.set(post, new Set(before));
      throw problem;
    });
    this.#sending = sent.catch(() => {});
    return sent;
  }
}
