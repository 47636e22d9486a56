/**
 * The service worker: shows what is pushed (model/push/words.py: Message) and leads to it, and says so where there is no network. Of our pages
 * it keeps none but the one that says that. The server puts the hash of its release in.
 */
const RELEASE = '{release}';
const CACHE = `pottle-${RELEASE}`;
const OF_APPLE = /AppleWebKit/.test(navigator.userAgent) && !/Chrom/.test(navigator.userAgent);
const MOST_LINES = 3; // of several pushes that are about the same
const at = (path) => new URL(path.replace(/^\//, ''), registration.scope);
const file = (name) => at(`static/~${RELEASE}/${name}`).href;
const OFFLINE = at('offline').href;
const KEPT = [OFFLINE, file('style.css')];

addEventListener('install', (event) => event.waitUntil(prepare()));
addEventListener('activate', (event) => event.waitUntil(begin()));
addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') event.respondWith(loaded(event));
  else if (request.url === KEPT[1]) event.respondWith(kept(request).then((answer) => answer ?? fetch(request)));
});
addEventListener('push', (event) => event.waitUntil(tell(said(event.data))));
addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(at(event.notification.data?.path ?? '')));
});
addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)));

const kept = async (request) => (await caches.open(CACHE)).match(request);

async function prepare() {
  await (await caches.open(CACHE)).addAll(KEPT);
  await skipWaiting();
}

async function begin() {
  for (const name of await caches.keys()) if (name.startsWith('pottle-') && name !== CACHE) await caches.delete(name);
  await registration.navigationPreload?.enable();
  await clients.claim();
}

async function loaded({ request, preloadResponse }) {
  try {
    return (await preloadResponse) ?? await fetch(request);
  } catch {
    return (await kept(OFFLINE)) ?? Response.error();
  }
}

function said(data) {
  try {
    return data.json();
  } catch {
    return { title: location.host, body: '', path: '', tag: 'pottle' }; // a test of the browser's own
  }
}

/** What the reader looks at already is not shown; Apple's browsers take a push that shows nothing for an abuse. */
async function tell({ title, body, path, tag, lang, dir }) {
  const looksAt = ({ url, focused }) => focused && new URL(url).pathname === at(path).pathname;
  if (!OF_APPLE && (await windows()).some(looksAt)) return;
  const [before] = await registration.getNotifications({ tag });
  const lines = [body, ...(before?.data?.lines ?? [])].slice(0, MOST_LINES);
  const looks = { icon: file('icons/icon-192.png'), badge: file('icons/badge-96.png') };
  await registration.showNotification(title, { body: lines.join('\n'), tag, lang, dir, ...looks, data: { path, lines }, renotify: true });
  await navigator.setAppBadge?.().catch(() => {}); // a page says later how many there are
}

const windows = () => clients.matchAll({ type: 'window', includeUncontrolled: true });

/** In a window that shows that page already, if there is one: what is typed there stays. */
async function show(url) {
  const there = (await windows()).find((one) => new URL(one.url).pathname === url.pathname);
  if (!there) return clients.openWindow(url.href);
  await there.focus();
  return there.postMessage({ pottle: 'go', hash: url.hash });
}

async function renew({ oldSubscription, newSubscription }) {
  const own = at('api/me/push').href;
  const options = async () => ({ userVisibleOnly: true, applicationServerKey: (await (await fetch(own)).json()).public_key });
  const made = newSubscription ?? await registration.pushManager.subscribe(oldSubscription?.options ?? await options());
  const { endpoint, keys } = made.toJSON();
  await fetch(own, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ endpoint, keys }) });
}
