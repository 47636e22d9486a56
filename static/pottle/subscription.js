export const HOPELESS = [401, 403, 404, 410];

/**
 * One channel, or other stream, as one reader follows it: a position that only moves forward along an unbroken chain of `prev`.
 *
 * idle -> asked (a subscribe frame is out) -> live; resetting while the list is read again; failed when the server
 * will not have us; closed. Changes count only while live: what comes in any other phase comes again after the
 * next `subscribed`, because we ask for everything after our position.
 */
export class Subscription {
  #phase = 'idle'; #resets = 0; #connection; #handlers; #position;

  constructor(channel, { epoch, seq, onChange, onReset, onState = () => {} }, connection) {
    if (typeof onReset !== 'function') throw new TypeError('subscribe needs onReset');
    /** A channel's number, or the name of another stream. */
    this.key = channel;
    this.#position = epoch === undefined || seq === undefined ? null : { epoch, seq };
    this.#handlers = { onChange, onReset, onState };
    this.#connection = connection;
    this.tell('connecting');
  }

  get goodbye() { return { type: 'unsubscribe', ...this.#named }; }

  get #named() { return typeof this.key === 'number' ? { channel: this.key } : { stream: this.key }; }

  get wanted() { return this.#phase !== 'failed' && this.#phase !== 'closed'; }

  tell(state, detail) { guarded(() => this.#handlers.onState(state, detail)); }

  /** Asks for what follows our position. Also serves to learn whether a silent connection is alive. */
  join() {
    if (!['idle', 'asked', 'live'].includes(this.#phase)) return false;
    this.#phase = 'asked';
    const from = this.#position && { epoch: this.#position.epoch, after: this.#position.seq };
    this.#connection.ask({ type: 'subscribe', ...this.#named, ...from });
    return true;
  }

  lost() {
    if (!['idle', 'asked', 'live'].includes(this.#phase)) return;
    this.#phase = 'idle';
    this.tell('reconnecting');
  }

  /** Somebody signed in or out: what was refused may now be allowed. */
  revive() {
    if (this.#phase === 'failed') this.#phase = 'idle';
  }

  receive(frame) {
    if (frame.type === 'subscribed' && this.#phase === 'asked') this.#subscribed(frame);
    else if (frame.type === 'change' && this.#phase === 'live') this.#change(frame);
    else if (frame.type === 'error') this.#fail(frame.code);
  }

  close() {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#connection.drop(this);
    this.tell('closed');
  }

  #subscribed({ epoch, seq, recovered }) {
    if (this.#position && !recovered) return void this.#reset();
    this.#position ??= { epoch, seq };
    this.#phase = 'live';
    this.#resets = 0;
    this.tell('live');
  }

  #change(change) {
    if (change.seq <= this.#position.seq) return;
    if (change.prev !== this.#position.seq) return void this.#reset();
    this.#position.seq = change.seq;
    guarded(() => this.#handlers.onChange(change));
  }

  #fail(reason) {
    if (this.#phase === 'closed') return;
    this.#phase = 'failed';
    this.tell('failed', reason);
  }

  /** At once the first time, then ever more slowly: a list that stays behind must not become a storm of reads. */
  async #reset() {
    this.#phase = 'resetting';
    this.tell('resetting');
    for (;;) {
      if (this.#resets > 0) await this.#connection.pause(this.#resets - 1);
      this.#resets += 1;
      if (this.#phase !== 'resetting') return;
      try {
        const { epoch, seq } = await this.#handlers.onReset();
        if (this.#phase === 'resetting') this.#resume({ epoch, seq });
        return;
      } catch (problem) {
        if (HOPELESS.includes(problem.status)) return void this.#fail(problem);
      }
    }
  }

  #resume(position) {
    this.#position = position;
    this.#phase = 'idle';
    this.#connection.join(this);
  }
}

/** A mistake in a page's own handler is reported there and must not break the chain. */
export function guarded(call) {
  try {
    call();
  } catch (error) {
    (globalThis.reportError ?? console.error)(error);
  }
}
