/** Keeps the bearer token of one server, in `storage` where there is one and else for as long as the page lives. */
export function keeper(url, { token = null, storage, now }) {
  const slot = `pottle:${url}`;
  let kept = token && { token };
  return {
    /** Read anew each time, so that signing in or out in another tab counts here too. */
    read() {
      const entry = kept ?? parsed(attempt(() => storage?.getItem(slot)));
      return entry && !(Date.parse(entry.expires) <= now()) ? entry.token : null;
    },
    keep(token, expires) {
      kept = null;
      const stored = attempt(() => (storage.setItem(slot, JSON.stringify({ token, expires })), true));
      if (!stored) kept = { token, expires };
    },
    forget() {
      kept = null;
      attempt(() => storage?.removeItem(slot));
    },
  };
}

const parsed = (text) => (text ? attempt(() => JSON.parse(text)) : null);

/** Storage may be absent, full or forbidden: then we do without. */
function attempt(task) {
  try { return task(); } catch { return null; }
}
