/** Whether this browser tells its reader of news while no page of ours is open: switched on and off, and kept on. */

const SLOT = 'pottle-push'; // whose browser it is, and the day on which that was last looked after

const PATIENCE_MS = 20_000; // browsers that do not reach their push service go on trying

export const can = 'serviceWorker' in navigator && Boolean(globalThis.PushManager && globalThis.Notification);

/** @returns {Promise<ServiceWorkerRegistration>} */
export async function worker(pottle) {
  await navigator.serviceWorker.register(`${pottle.url}/worker.js`);
  return navigator.serviceWorker.ready;
}

/** Asks the reader, if they were not asked yet. Call it while their click is fresh. @throws {DOMException} `NotAllowedError` where they say no */
export async function switchOn(pottle, account) {
  if (await Notification.requestPermission() !== 'granted') throw new DOMException('denied', 'NotAllowedError');
  const { public_key: key } = await pottle.api('GET', '/api/me/push');
  const { pushManager } = await worker(pottle);
  const { endpoint, keys } = (await Promise.race([subscribed(pushManager, key), late(PATIENCE_MS)])).toJSON();
  await pottle.api('POST', '/api/me/push', { endpoint, keys });
  note(account.me);
}

const late = (ms) => new Promise((_, reject) => { setTimeout(reject, ms, new DOMException('no answer', 'AbortError')); });

/** A subscription to another key, as it was before a restore, would stand in the way. */
async function subscribed(manager, applicationServerKey) {
  const options = { userVisibleOnly: true, applicationServerKey };
  try {
    return await manager.subscribe(options);
  } catch (problem) {
    const other = problem.name === 'InvalidStateError' && await manager.getSubscription();
    if (!other) throw problem;
    await other.unsubscribe();
    return manager.subscribe(options);
  }
}

export async function switchOff(pottle) {
  forget();
  const made = await (await navigator.serviceWorker.getRegistration(`${pottle.url}/`))?.pushManager.getSubscription();
  await Promise.all([made?.unsubscribe(), pottle.api('DELETE', '/api/me/push').catch((problem) => { if (problem.status !== 404) throw problem; })]);
}

/** Whether it is on here. */
export const isOn = ({ subscriptions }) => subscriptions.some(({ current }) => current) && Notification.permission === 'granted';

/**
 * It ends with the session: who signs in again has it on again, as they had it. Looked after once a day, and after signing in. An app without it
 * has the service worker all the same, which says so where there is no network. What is read or is nothing for the next one here is not shown
 * any longer.
 */
export async function keepsOn(pottle, account) {
  const registration = await worker(pottle);
  const clear = async (which) => (await registration.getNotifications()).filter(which).forEach((shown) => shown.close());
  const isHere = ({ data }) => Boolean(data) && new URL(pottle.url + data.path, location).pathname === location.pathname;
  const look = () => document.hidden || clear(isHere);
  document.addEventListener('visibilitychange', look);
  account.onChange((user, byOneself) => {
    if (user) again(pottle, account);
    else if (byOneself) note(read(), ''), clear(() => true);
  });
  await Promise.all([look(), again(pottle, account)]);
}

async function again(pottle, account) {
  const { uid, day } = read();
  if (!can || !account.me || account.me.uid !== uid || day === today() || Notification.permission !== 'granted') return;
  note(account.me); // what fails is tried tomorrow
  try {
    if (!isOn(await pottle.api('GET', '/api/me/push'))) await switchOn(pottle, account);
  } catch { /* there is no network, or no push service, or the server wants no pushes */ }
}

const today = () => new Date().toDateString();
function read() { try { return JSON.parse(localStorage.getItem(SLOT)) ?? {}; } catch { return {}; } }
function note({ uid }, day = today()) { try { if (uid) localStorage.setItem(SLOT, JSON.stringify({ uid, day })); } catch { /* then it is not kept on */ } }
function forget() { try { localStorage.removeItem(SLOT); } catch { /* nor was it kept */ } }
