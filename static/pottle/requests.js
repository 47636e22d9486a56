/** Requests to the API: repeated where that is safe, and refusals as Problems. */
import { backoff } from './browser.js';

const RETRIES = 3;
const PATIENCE_S = 10; // a longer Retry-After is for the person to know, not for us to sit out
const SIGNS_IN = /^\/api\/(session|groups\/[^/]+\/sso$)/; // what is refused there is not whom we are signed in as
const TIMEOUT_MS = 30_000;
const KEYLESS = /^\/api\/(session|passkeys|me\/passkeys|me\/tokens|me\/second|me\/invitations|invitations|users\/[^/]+\/invitations|groups\/[^/]+\/(invitations|roster))\b/; // their answers are secrets, which the server does not keep to repeat

/** A refusal, in the words of RFC 9457; `status` 0 says that the server could not be reached. */
export class Problem extends Error {
  constructor({ type = 'about:blank', title = '', status = 0, detail = '', errors = [], channel, ticket, ways }, { retryAfter, cause } = {}) {
    super(detail || title || `HTTP ${status}`, { cause });
    this.name = 'Problem';
    /**
     * `errors` lists `{field, message}`; `retryAfter` is in seconds; `channel` is the one there is already; `ticket` is
     * for the second factor, which can be given in `ways`.
     */
    Object.assign(this, { type, title, status, detail, errors, channel, ticket, ways, retryAfter });
  }
}

/**
 * @returns {(method: string, path: string, body?: object, options?: object) => Promise<any>} see Pottle.api; with
 *   `ifNoneMatch` (null for none) in its options it resolves to `{ etag, value }`, or to null where that is still the answer
 */
export function requests({ base, credentials, token, signedOut, env }) {
  async function answer(method, path, init) {
    for (let attempt = 0; ; attempt += 1) {
      const { problem, ...found } = await once(base + path, init, env);
      if (!problem) return found;
      const wait = attempt < RETRIES ? pause(method, init, problem, attempt) : null;
      if (wait === null) throw problem;
      await new Promise((resolve) => env.setTimeout(resolve, wait));
    }
  }

  /** Milliseconds until it is tried again, null when it is not. Whatever was refused as too much did not happen. */
  function pause(method, init, { status, retryAfter }, attempt) {
    if (status === 429 || status === 503) {
      if (retryAfter > PATIENCE_S) return null;
      return (retryAfter ?? 0) * 1000 + backoff(attempt, env.random);
    }
    const lost = status === 0 || status === 502 || status === 504;
    return lost && repeatable(method, init) ? backoff(attempt, env.random) : null;
  }

  return async function request(method, path, body, { idempotencyKey, ifMatch, ifNoneMatch } = {}) {
    const bearer = token();
    const headers = { ...env.headers(), Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (ifMatch) headers['If-Match'] = ifMatch;
    if (ifNoneMatch) headers['If-None-Match'] = ifNoneMatch;
    if (method === 'POST' && !KEYLESS.test(path)) headers['Idempotency-Key'] = idempotencyKey ?? randomKey();
    const init = { method, headers, credentials, body: JSON.stringify(body) };
    const given = ({ value, etag, same }) => (ifNoneMatch === undefined ? value : same ? null : { etag, value });
    try {
      return given(await answer(method, path, init));
    } catch (problem) {
      const expired = bearer && problem.status === 401 && !SIGNS_IN.test(path);
      if (!expired) throw problem;
      if (token() === bearer) signedOut();
      if (method !== 'GET') throw problem;
      delete headers.Authorization; // most of what there is to read is public
      return given(await answer(method, path, init));
    }
  };
}

const repeatable = (method, { headers }) => ['GET', 'PUT'].includes(method) || 'Idempotency-Key' in headers;

/** crypto.randomUUID would be shorter, but is missing on plain http, as on a classroom's own network. */
export const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function once(url, init, env) {
  try {
    const response = await env.fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 304) return { same: true };
    if (!response.ok) return { problem: await refusal(response) };
    return { value: await content(response), etag: response.headers.get('ETag') };
  } catch (cause) {
    return { problem: new Problem({ title: 'Unreachable', detail: 'The server cannot be reached. Please try again.' }, { cause }) };
  }
}

async function refusal(response) {
  const fields = await response.json().catch(() => ({})); // a proxy on the way may answer in HTML
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const options = { retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter };
  return new Problem({ title: response.statusText, ...fields, status: response.status }, options);
}

async function content(response) {
  const text = await response.text();
  if (response.headers.get('Content-Type')?.startsWith('text/html')) return text;
  return text ? JSON.parse(text) : null;
}
