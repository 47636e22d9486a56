import { guarded, HOPELESS } from './subscription.js';

/**
 * The answer to one GET, as it is now: read once, and again each time that the server says that it may have changed.
 *
 * Nothing is missed between reading and watching, for we say which answer (ETag) we have, and are told at once if it is
 * no longer the present one; so also after a lost connection.
 */
export class Watch {
  #phase = 'idle'; #etag; #value; #reading = false; #again = false; #failures = 0;
  #read; #connection; #listeners = new Set();

  /** `read(path, etag)` resolves to `{ etag, value }`, or to null where the answer is the one of that ETag. */
  constructor(path, read, connection) {
    this.key = path;
    this.#read = read;
    this.#connection = connection;
  }

  get goodbye() { return { type: 'unwatch', get: this.key }; }

  get wanted() { return this.#phase !== 'failed' && this.#phase !== 'closed'; }

  /** @returns {() => void} ends it */
  listen(onValue, onState) {
    const listener = { onValue, onState };
    this.#listeners.add(listener);
    if (this.#etag !== undefined) guarded(() => onValue(this.#value));
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.close();
    };
  }

  tell(state, detail) {
    for (const { onState } of [...this.#listeners]) guarded(() => onState(state, detail));
  }

  /** Asks to be told. Also serves to learn whether a silent connection is alive. */
  join() {
    if (!this.wanted) return false;
    if (this.#etag === undefined) {
      if (!this.#reading) this.refresh();
      return false;
    }
    this.#phase = 'asked';
    this.#connection.ask({ type: 'watch', get: this.key, etag: this.#etag });
    return true;
  }

  lost() {
    if (!this.wanted || this.#phase === 'idle') return;
    this.#phase = 'idle';
    this.tell('reconnecting');
  }

  /** Somebody signed in or out: what was refused may now be allowed. */
  revive() {
    if (this.#phase === 'failed') this.#phase = 'idle';
  }

  receive(frame) {
    if (frame.type === 'watching' && this.#phase === 'asked') {
      this.#phase = 'live';
      this.tell('live');
    } else if (frame.type === 'changed') {
      if (frame.etag === undefined || frame.etag !== this.#etag) this.refresh();
    } else if (frame.type === 'error') {
      this.#fail(frame.code);
    }
  }

  close() {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#connection.drop(this);
  }

  /** One reading at a time; what changes meanwhile is read after it. */
  async refresh() {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#again && this.wanted) {
        this.#again = false;
        await this.#readOnce();
      }
    } finally {
      this.#reading = false;
    }
  }

  async #readOnce() {
    try {
      const found = await this.#read(this.key, this.#etag);
      this.#failures = 0;
      if (found && this.wanted) this.#show(found);
    } catch (problem) {
      if (HOPELESS.includes(problem.status)) return void this.#fail(problem);
      await this.#connection.pause(this.#failures++);
      this.#again = true;
    }
  }

  #show({ etag, value }) {
    const first = this.#etag === undefined;
    [this.#etag, this.#value] = [etag, value];
    for (const { onValue } of [...this.#listeners]) guarded(() => onValue(value));
    if (first && this.wanted) this.#connection.join(this);
  }

  #fail(reason) {
    if (!this.wanted) return;
    this.#phase = 'failed';
    this.#etag = undefined;
    this.tell('failed', reason);
  }
}
