/**
 * What a WebSocket is to `Connection`, by requests that wait: for networks that let no websocket through.
 *
 * Each request says anew all that is wanted, from the position that was reached, so that nothing is lost between two.
 */
const WAIT_S = 20;
const GATHER_MS = 20; // what is asked for in a moment goes into one request
const LONGEST_MS = 600_000; // then a websocket is tried again
const ACKNOWLEDGED = ['authenticated', 'subscribed', 'watching'];
const BROKEN = 1006, RESTARTING = 1012;

const keyOf = ({ type, channel, stream, get }) => (type === 'auth' || type === 'authenticated' ? '' : channel ?? stream ?? get);

/** @param {object} socket  was handed out already, and gets what it lacks */
export async function poll(socket, url) {
  const address = url.replace(/^ws/, 'http'), until = Date.now() + LONGEST_MS;
  const wanted = new Map(); // key -> the frame by which it goes on; the token is first
  const fresh = new Set(); // keys that somebody waits to have acknowledged
  let asking = new AbortController(), wake = () => {};

  const closed = (code) => { if (!socket.closed) { socket.closed = true; socket.onclose({ code }); } };
  const moved = () => { asking.abort(); wake(); };

  Object.assign(socket, {
    send(text) {
      const frame = JSON.parse(text), key = keyOf(frame);
      if (frame.type.startsWith('un')) wanted.delete(key);
      else { wanted.delete(key); wanted.set(key, frame); fresh.add(key); }
      moved();
    },
    close() { socket.closed = true; moved(); },
  });

  async function ask(frames, wait) {
    asking = new AbortController();
    const headers = { 'Content-Type': 'application/json' };
    try {
      const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify({ frames, wait }), signal: asking.signal });
      return answer.ok ? await answer.json() : { closed: BROKEN };
    } catch {
      return asking.signal.aborted ? {} : { closed: BROKEN };
    }
  }

  function heard(frame) {
    const key = keyOf(frame), goesOn = wanted.get(key);
    const answers = ACKNOWLEDGED.includes(frame.type), due = fresh.delete(key);
    if (frame.type === 'error') wanted.delete(key);
    if (!goesOn || (answers && !due && frame.recovered !== false)) return;
    if (answers && !due) { closed(RESTARTING); return; } // something was missed for good: everybody begins anew
    if (frame.type === 'change') goesOn.after = frame.seq;
    if (frame.type === 'subscribed' && (goesOn.after === undefined || !frame.recovered)) Object.assign(goesOn, { epoch: frame.epoch, after: frame.seq });
    if (goesOn.type === 'watch' && frame.etag) goesOn.etag = frame.etag;
    socket.onmessage({ data: JSON.stringify(frame) });
  }

  const { closed: refused } = await ask([], 0);
  if (refused) closed(refused);
  if (!socket.closed) socket.onopen();
  while (!socket.closed) {
    await new Promise((resolve) => { setTimeout(resolve, GATHER_MS); });
    if (wanted.size === 0) await new Promise((resolve) => { wake = resolve; });
    if (socket.closed) return;
    const { frames = null, closed: code } = await ask([...wanted.values()], fresh.size > 0 ? 0 : WAIT_S);
    if (socket.closed) return;
    if (frames) socket.onmessage({ data: '[]' }); // the line lives
    for (const frame of frames ?? []) if (!socket.closed) heard(frame);
    if (code) closed(code);
    else if (Date.now() > until) closed(RESTARTING);
  }
}
