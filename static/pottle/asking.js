/** Requests of the API by whoever is asking. */
import { Line } from './line.js';
import { requests } from './requests.js';

const CONFIRM = 'urn:pottle:confirmation-needed';

export class Asking {
  #request; #onConfirm;

  /** Options as of `Client` in client.js. */
  constructor({ line, onConfirm = async () => false, ...options } = {}) {
    /** The connection and the token, which others may use too. */
    this.line = line ?? new Line(options);
    const { url, sameOrigin, credentials, token, signedOut, env } = this.line;
    this.url = url;
    this.sameOrigin = sameOrigin;
    this.#request = requests({ base: url, credentials, token, signedOut, env });
    this.#onConfirm = onConfirm;
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
  get hasToken() { return this.line.hasToken; }

  /** @returns {Promise<?object>} one's own account, or null when not signed in */
  async me() {
    if (!this.sameOrigin && !this.hasToken) return null;
    return unless(401, this.api('GET', '/api/me'));
  }

  async signOut() {
    this.line.leaving = true;
    try {
      await this.api('DELETE', '/api/session');
    } catch (problem) {
      if (problem.status !== 401) throw problem;
    } finally {
      this.line.leaving = false;
    }
    this.line.leave();
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
