/** What the client needs of a browser; tests bring their own. Functions look things up late, so fakes may be global. */
export const browser = {
  origin: globalThis.location?.origin,
  fetch: (...request) => globalThis.fetch(...request),
  headers: () => ({}), // of every request
  /** After three that failed in a row it is requests that wait: perhaps there is a proxy that lets no websocket through. */
  webSocket(url, failures) {
    if (failures % 4 < 3) return new WebSocket(url);
    const socket = { close() {} };
    import('./polling.js').then((part) => part.poll(socket, url));
    return socket;
  },
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (task, ms) => setTimeout(task, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  /** Null where a sandboxed frame or a privacy setting forbids it: even looking throws there. */
  storage() {
    try { return globalThis.localStorage ?? null; } catch { return null; }
  },
  /** Calls back when the network returns or the reader looks at the page again. */
  onWake(wake) {
    globalThis.addEventListener?.('online', wake);
    globalThis.document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake());
  },
};

/** Exponential, with jitter so that the readers of a restarted server do not return all at once. In ms. */
export const backoff = (attempt, random, { first = 500, longest = 30_000 } = {}) =>
  Math.min(longest, first * 2 ** attempt) * (0.5 + random() / 2);
