/** Passkeys: what the browser's own dialogs are asked and answer, in the shapes of the API. */
import { acts } from './acting.js';
import { showProblem } from './forms.js';
import { _ } from './texts.js';

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

/** Whether there can be passkeys here: not on plain http, and not at a number instead of a name. */
export const available = () => 'PublicKeyCredential' in window && isSecureContext && !/^(\[|[\d.]+$)/.test(location.hostname);

let waiting = null; // the question that stands behind a field, for as long as nothing else is asked

/** Has a passkey sign. @param {object} [more] for `navigator.credentials.get` @returns {Promise<object>} for the API */
async function get({ options }, more) {
  if (!more) waiting?.abort();
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  const { id, type, response } = await asked(navigator.credentials.get({ publicKey, ...more }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = response;
  const signed = { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) };
  return { id, rawId: id, type, response: { ...signed, userHandle: userHandle && text(userHandle) } };
}

/** Has the device make a passkey. @returns {Promise<object>} for the API */
async function create({ options }) {
  waiting?.abort();
  const known = options.excludeCredentials.map(({ id, ...rest }) => ({ ...rest, id: bytes(id) }));
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials: known };
  const { id, type, response } = await asked(navigator.credentials.create({ publicKey }));
  const { clientDataJSON, attestationObject } = response;
  const transports = response.getTransports?.() ?? [];
  return { id, rawId: id, type, response: { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject), transports } };
}

/** What browsers say in words of their own. */
async function asked(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error({
      InvalidStateError: _('This device has a passkey for this account already.'),
      SecurityError: _('Passkeys are good at another address of this site only.'),
    }[error.name] ?? _('That was cancelled, or took too long.'), { cause: error });
  }
}

/** @returns {Promise<object>} the user */
export async function signIn(pottle, more) {
  const credential = await get(await pottle.api('POST', '/api/session/passkey/options'), more);
  return pottle.entered(await pottle.api('POST', '/api/session/passkey', { credential }));
}

/** Makes an account that has a passkey and no password. @returns {Promise<object>} the user */
export async function signUp(pottle, { uid, name, email, invitation }) {
  const who = { uid, name, invitation };
  const credential = await create(await pottle.api('POST', '/api/passkeys/options', who));
  const user = pottle.entered(await pottle.api('POST', '/api/passkeys', { ...who, credential }));
  if (email) await pottle.api('PATCH', '/api/me', { email });
  return user;
}

/** Opens the account of a code by a passkey, in place of a password. @returns {Promise<object>} the session */
export async function useCode(pottle, code) {
  const credential = await create(await pottle.api('POST', '/api/password/passkey/options', { code }));
  return pottle.api('PUT', '/api/password/passkey', { code, credential });
}

/** Adds a passkey to one's own account. */
export async function add(pottle) {
  const credential = await create(await pottle.api('POST', '/api/me/passkeys/options'));
  return pottle.api('POST', '/api/me/passkeys', { credential });
}

/** Proves again who one is. */
export async function confirm(pottle) {
  const passkey = await get(await pottle.api('POST', '/api/session/confirm/options'));
  return pottle.api('POST', '/api/session/confirm', { passkey });
}

/**
 * Shows the button of a form for passkeys, where there can be any.
 * @param {(values: object) => Promise<void>} act  what it does, with what is typed in the form
 */
export function offers(form, act) {
  const button = form?.querySelector('[data-do=passkey]');
  if (!button || !available()) return;
  button.hidden = false;
  acts(button, form, act);
}

/** Has the browser offer passkeys where a user name is typed (conditional mediation). @param {(more: object) => Promise<void>} act signs in */
export async function fills(form, act) {
  if (!available() || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  waiting?.abort();
  const { signal } = waiting = new AbortController();
  await act({ mediation: 'conditional', signal }).catch((problem) => { if (!signal.aborted) showProblem(form, problem); });
}
