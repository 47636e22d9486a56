/**
 * Proof of work, as ALTCHA has it: the number whose SHA-256, behind the salt, is that of the challenge. In a worker where
 * the browser allows one here, else a slice at a time.
 */

const SLICE_MS = 12; // of work between two pauses in which the page may do something else

/** @param {{algorithm: string, challenge: string, maxnumber: number, salt: string, signature: string}} challenge */
export async function solved({ algorithm, challenge, maxnumber, salt, signature }) {
  const number = await inWorker([salt, challenge, maxnumber]).catch(() => inSlices(salt, challenge, maxnumber));
  return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
}

async function inWorker(task) {
  const worker = begun();
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data: { number } }) => resolve(number);
      worker.onerror = reject;
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}

/** Ours may have this module as a worker. A page of another site has one of its own only: that is made of these functions. */
function begun() {
  if (new URL(import.meta.url).origin === location.origin) return new Worker(import.meta.url, { type: 'module' });
  const code = `${sha256};${found};onmessage = ({ data }) => postMessage(${found.name}(data[0], data[1], 0, data[2], Infinity));`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  try { return new Worker(url); } finally { setTimeout(() => URL.revokeObjectURL(url), 10_000); }
}

async function inSlices(salt, challenge, most) {
  let at = { next: 0 };
  while (at.number === undefined && at.next <= most) {
    at = found(salt, challenge, at.next, most, SLICE_MS);
    await new Promise((resolve) => { setTimeout(resolve); });
  }
  return at.number;
}

/** Looks from `first` on, for so many milliseconds. @returns {{number?: number, next: number}} */
function found(salt, challenge, first, most, ms) {
  const until = performance.now() + ms;
  for (let number = first; number <= most; number += 1) {
    if (sha256(salt + number) === challenge) return { number, next: number };
    if (number % 256 === 255 && performance.now() > until) return { next: number + 1 };
  }
  return { next: most + 1 };
}

/** Of a text in ASCII, in hex. Browsers have it only for pages by https, and to ask them takes longer than to do it. */
function sha256(text) {
  const state = sha256.state ??= primes(8, 1 / 2);
  const words = sha256.words ??= primes(64, 1 / 3);
  const blocks = new Uint32Array(((text.length + 8 >> 6) + 1) * 16);
  for (let at = 0; at < text.length; at += 1) blocks[at >> 2] |= text.charCodeAt(at) << 24 - at % 4 * 8;
  blocks[text.length >> 2] |= 0x80 << 24 - text.length % 4 * 8;
  blocks[blocks.length - 1] = text.length * 8;
  const hash = Uint32Array.from(state);
  const w = sha256.schedule ??= new Uint32Array(64);
  const turned = (x, n) => x >>> n | x << 32 - n;
  for (let block = 0; block < blocks.length; block += 16) {
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i += 1) {
      if (i < 16) w[i] = blocks[block + i];
      else {
        const x = w[i - 15];
        const y = w[i - 2];
        w[i] = w[i - 16] + (turned(x, 7) ^ turned(x, 18) ^ x >>> 3) + w[i - 7] + (turned(y, 17) ^ turned(y, 19) ^ y >>> 10);
      }
      const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + words[i] + w[i] | 0;
      const two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
    }
    hash[0] += a; hash[1] += b; hash[2] += c; hash[3] += d; hash[4] += e; hash[5] += f; hash[6] += g; hash[7] += h;
  }
  return [...hash].map((value) => value.toString(16).padStart(8, '0')).join('');

  function primes(many, power) {
    const known = [];
    for (let n = 2; known.length < many; n += 1) if (known.every((prime) => n % prime)) known.push(n);
    return known.map((prime) => prime ** power % 1 * 2 ** 32 | 0);
  }
}

if (!globalThis.document) onmessage = ({ data: [salt, challenge, most] }) => postMessage(found(salt, challenge, 0, most, Infinity));
