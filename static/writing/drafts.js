/**
 * Drafts that outlive the tab, and the browser. forms.js keeps what is typed for as long as a tab is there; here it is kept for the
 * person who typed it, on this device, for a month, until it was sent or they sign out: others use the same computers.
 */
const OURS = 'pottle-drafts:'; // and whose
const KEPT_MS = 30 * 86_400_000;
const IN_TAB = 'draft:';

/** Brings back what `uid` has typed before, and keeps what is typed from now on. To be called before forms are made. */
export function keepsDrafts(uid) {
  const own = OURS + uid;
  const kept = stored(own);
  for (const [name, { text, at }] of Object.entries(kept)) {
    if (Date.now() - at < KEPT_MS && sessionStorage.getItem(name) === null) sessionStorage.setItem(name, text);
  }
  let timer = 0;
  const keep = () => {
    clearTimeout(timer);
    const before = stored(own);
    const here = inTab().map(([name, text]) => [name, before[name]?.text === text ? before[name] : { text, at: Date.now() }]);
    const elsewhere = Object.entries(before).filter(([name, { at }]) => !seen.has(name) && Date.now() - at < KEPT_MS);
    here.forEach(([name]) => seen.add(name));
    const all = [...elsewhere, ...here].filter(([, { text }]) => text.trim());
    store(own, all);
  };
  const seen = new Set(inTab().map(([name]) => name)); // this tab's: what is not there any more was sent
  const soon = () => { clearTimeout(timer); timer = setTimeout(keep, 400); };
  document.addEventListener('input', soon);
  document.addEventListener('submit', soon);
  document.addEventListener('visibilitychange', keep);
  addEventListener('pagehide', keep);
  return () => {
    clearTimeout(timer);
    document.removeEventListener('input', soon);
    document.removeEventListener('submit', soon);
    document.removeEventListener('visibilitychange', keep);
    removeEventListener('pagehide', keep);
  };
}

/** Somebody has signed out: what they typed is nobody else's to read. */
export function dropDrafts(uid) {
  localStorage.removeItem(OURS + uid);
  inTab().forEach(([name]) => sessionStorage.removeItem(name));
}

/** What another version or program wrote there counts for nothing. */
function stored(own) {
  try { return JSON.parse(localStorage.getItem(own)) ?? {}; } catch { return {}; }
}

/** Where there is no more room, a draft lasts as long as its tab. */
function store(own, drafts) {
  if (drafts.length === 0) return localStorage.removeItem(own);
  try { return localStorage.setItem(own, JSON.stringify(Object.fromEntries(drafts))); } catch { return undefined; }
}

const inTab = () => Object.keys(sessionStorage).filter((name) => name.startsWith(IN_TAB)).map((name) => [name, sessionStorage.getItem(name)]);

/** Whether this browser keeps anything at all. */
export function canKeep() {
  try {
    localStorage.setItem(`${OURS}?`, '1');
    localStorage.removeItem(`${OURS}?`);
    return true;
  } catch {
    return false;
  }
}
