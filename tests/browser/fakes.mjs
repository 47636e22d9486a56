/** A browser without time or network: a clock that is turned by hand, sockets and answers that a test plays. */

/** Lets everything run that waits for a promise and for nothing else. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class Clock {
  #now = 0; #next = 1; #timers = new Map();

  now = () => this.#now;
  setTimeout = (task, ms) => (this.#timers.set(this.#next, { at: this.#now + ms, task }), this.#next++);
  clearTimeout = (timer) => this.#timers.delete(timer);

  /** A laptop's sleep: time passes, and what was due comes late, all at once. */
  sleep(ms) { this.#now += ms; }

  async pass(ms) {
    const end = this.#now + ms;
    await settled();
    for (let due; (due = this.#due(end)); await settled()) {
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].task();
    }
    this.#now = end;
  }

  #due(end) {
    return [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
  }
}

export class FakeSocket {
  sent = []; closed = false;

  constructor(url) { this.url = url; }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.closed = true; }

  // what the server does
  open() { this.onopen({}); this.say({ type: 'hello', epoch: 'e', worker: 1 }); return this; }
  say(...frames) { this.onmessage({ data: JSON.stringify(frames.length === 1 ? frames[0] : frames) }); }
  end(code) { this.onclose({ code }); }
  take() { return this.sent.splice(0); }
}

export class FakeStorage {
  #items = new Map();
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.#items.set(key, value); }
  removeItem(key) { this.#items.delete(key); }
}

/** `answers` are played in order: a Response-like `[status, body, headers]`, or an Error for a broken network. */
export function fakeBrowser({ origin = 'https://blog.example' } = {}) {
  const clock = new Clock();
  const here = { clock, sockets: [], requests: [], answers: [], wake: null };
  here.env = {
    origin, now: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, random: () => 1,
    storage: () => null,
    webSocket: (url) => (here.sockets.push(new FakeSocket(url)), here.sockets.at(-1)),
    onWake: (wake) => { here.wake = wake; },
    async fetch(url, init) {
      here.requests.push({ url, ...init });
      const answer = here.answers.shift();
      if (answer instanceof Error) throw answer;
      const [status, body, headers = {}] = answer;
      return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
    },
  };
  return here;
}
