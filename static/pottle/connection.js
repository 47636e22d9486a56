/** The one websocket of a client: opened, kept alive, and opened again after it was lost. */
import { backoff } from './browser.js';

const QUIET_MS = 25_000; // as long may nothing come before we ask whether the line is alive
const GLANCE_MS = 5_000; // the same, when the reader has just come back
const ANSWER_MS = 10_000; // for opening, and for whatever we asked
const STABLE_MS = 10_000; // a connection that lasted as long was a good one
const REFUSED_MS = { first: 60_000, longest: 900_000 };
const BROKE_A_RULE = [1008, 1009];
const ANSWERS = ['subscribed', 'watching', 'error'];
const RESTARTING = 1012, SIGNED_OUT = 4401; // or only no longer allowed in some group

/** What a frame is about. */
const keyOf = ({ channel, stream, get }) => channel ?? stream ?? get;

/**
 * The one websocket of a client: there while somebody subscribes or watches, and back after it was lost.
 *
 * Browsers notice a line that died in a laptop's sleep only after minutes. So when nothing was heard for a while we
 * ask for something again, from our own position: the answer shows that the line lives, and that nothing is missing.
 */
export class Connection {
  #url; #token; #signedOut; #doubted; #env;
  #subscriptions = new Map(); // and watches, by key: a channel's number, a stream's name, or the path of a GET
  #unanswered = new Map(); // key we asked for -> answers still to come; only the last one counts
  #socket = null; #open = false; #openedAt = 0; #heardAt = 0;
  #failures = 0; #lastCode = null; #refused = false;
  #timers = {};

  /** `signedOut` is called when the server refuses the token, `doubted` when it may have ended what we were signed in by. */
  constructor({ base, token, signedOut, doubted, env }) {
    this.#url = `${base.replace(/^http/, 'ws')}/api/live`;
    this.#token = token;
    this.#signedOut = signedOut;
    this.#doubted = doubted;
    this.#env = env;
    env.onWake(() => this.#wake());
  }

  add(subscription) {
    const replaced = this.#subscriptions.get(subscription.key);
    this.#subscriptions.set(subscription.key, subscription); // first, so that the line is not dropped in between
    replaced?.close();
    if (this.#open) subscription.join();
    else if (!this.#socket && !this.#timers.retry) this.#connect();
  }

  drop(subscription) {
    if (this.#subscriptions.get(subscription.key) !== subscription) return;
    this.#subscriptions.delete(subscription.key);
    if (this.#unanswered.has(subscription.key)) this.#send(subscription.goodbye);
    if (this.#subscriptions.size === 0) this.#hangUp();
  }

  join(subscription) {
    if (this.#open) subscription.join();
  }

  ask(frame) {
    this.#unanswered.set(keyOf(frame), (this.#unanswered.get(keyOf(frame)) ?? 0) + 1);
    this.#send(frame);
    this.#expect();
  }

  pause(attempt) {
    return new Promise((resolve) => this.#env.setTimeout(resolve, backoff(attempt, this.#env.random)));
  }

  /** Begins again at once as whoever we are now; positions carry over, so nothing is lost by it. */
  restart() {
    for (const subscription of this.#subscriptions.values()) subscription.revive();
    this.#hangUp();
    this.#refused = false;
    if (this.#wanted()) this.#connect();
  }

  /** Whether anybody still waits for something; channels that were refused do not keep us knocking. */
  #wanted() { return [...this.#subscriptions.values()].some((subscription) => subscription.wanted); }

  #connect() {
    const socket = this.#env.webSocket(this.#url, this.#failures);
    this.#socket = socket;
    const ours = (handle) => (event) => this.#socket === socket && handle(event);
    socket.onopen = ours(() => this.#opened());
    socket.onmessage = ours(({ data }) => this.#heard(data));
    socket.onclose = ours(({ code }) => this.#closed(code));
    this.#expect();
  }

  #opened() {
    this.#open = true;
    this.#openedAt = this.#heardAt = this.#env.now();
    const token = this.#token();
    if (token) this.#send({ type: 'auth', token });
    for (const subscription of [...this.#subscriptions.values()]) subscription.join();
    this.#expect();
    this.#listen(QUIET_MS);
  }

  #heard(data) {
    this.#heardAt = this.#env.now();
    this.#cancel('answer');
    const socket = this.#socket;
    for (const frame of [JSON.parse(data)].flat()) {
      if (this.#socket === socket) this.#receive(frame); // a handler may have hung up
    }
  }

  #receive(frame) {
    const key = keyOf(frame);
    if (frame.type === 'error' && key === undefined) return this.#erred(frame.code);
    const waiting = this.#unanswered.get(key) ?? 0;
    const answer = waiting > 0 && ANSWERS.includes(frame.type);
    if (answer) this.#unanswered.set(key, waiting - 1);
    if (waiting > (answer ? 1 : 0)) return;
    if (frame.type === 'error') this.#unanswered.delete(key); // nothing there to unsubscribe from
    this.#subscriptions.get(key)?.receive(frame);
  }

  #erred(code) {
    if (code === 'unauthenticated') this.#signedOut();
    else this.tell('error', code);
  }

  tell(state, detail) {
    for (const subscription of this.#subscriptions.values()) subscription.tell(state, detail);
  }

  #closed(code) {
    const good = this.#open && this.#env.now() - this.#openedAt >= STABLE_MS;
    this.#forgetSocket();
    if (good) [this.#failures, this.#lastCode] = [0, null];
    if (code === SIGNED_OUT) this.#doubted();
    for (const subscription of this.#subscriptions.values()) subscription.lost();
    if (this.#wanted()) this.#after('retry', this.#delay(code), () => this.#connect());
  }

  #delay(code) {
    const { random } = this.#env;
    const failures = this.#failures++;
    const [before, soon] = [this.#lastCode, [RESTARTING, SIGNED_OUT].includes(code)];
    this.#lastCode = code;
    this.#refused = BROKE_A_RULE.includes(code);
    if (this.#refused) return backoff(failures, random, REFUSED_MS);
    return soon && code !== before ? 100 + random() * 2000 : backoff(failures, random); // twice is no accident
  }

  /** Somebody looks, or the network is back: no reason to wait any longer, unless the server told us off. */
  #wake() {
    if (this.#open) return this.#probe(GLANCE_MS);
    if (!this.#timers.retry || this.#refused) return;
    this.#cancel('retry');
    this.#connect();
  }

  #listen(ms) {
    this.#after('quiet', ms, () => this.#probe(QUIET_MS));
  }

  #probe(quiet) {
    const silence = this.#env.now() - this.#heardAt;
    if (silence < quiet) return this.#listen(Math.max(1, QUIET_MS - silence));
    if (!this.#wanted()) return this.#hangUp();
    for (const subscription of this.#subscriptions.values()) if (subscription.join()) break;
    this.#listen(QUIET_MS);
  }

  /** The line is dead if nothing at all is heard; its own close event may take minutes, so we do not wait for it. */
  #expect() {
    if (this.#timers.answer) return;
    this.#after('answer', ANSWER_MS, () => {
      const socket = this.#socket;
      this.#closed(1006);
      socket.close();
    });
  }

  #hangUp() {
    const socket = this.#socket;
    this.#forgetSocket();
    this.#cancel('retry');
    socket?.close();
  }

  #forgetSocket() {
    this.#socket = null;
    this.#open = false;
    this.#unanswered.clear();
    this.#cancel('answer');
    this.#cancel('quiet');
  }

  #send(frame) { this.#socket.send(JSON.stringify(frame)); }

  #after(name, ms, task) {
    this.#cancel(name);
    this.#timers[name] = this.#env.setTimeout(() => { this.#timers[name] = null; task(); }, ms);
  }

  #cancel(name) {
    this.#env.clearTimeout(this.#timers[name]);
    this.#timers[name] = null;
  }
}
