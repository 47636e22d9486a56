/** A short message at the edge of the page, which goes by itself, and with which something can be undone. */

const SHOWN_MS = 10_000;
let last = null;

/** @param {{text: string, action?: string, act?: () => Promise<void>}} message */
export function toast({ text, action, act }) {
  last?.end();
  const place = document.querySelector('.toasts') ?? document.body.appendChild(Object.assign(document.createElement('div'), { className: 'toasts', role: 'status' }));
  const shown = Object.assign(document.createElement('p'), { className: 'toast', textContent: text });
  const end = () => { clearTimeout(timer); shown.remove(); };
  const wait = () => { clearTimeout(timer); timer = setTimeout(end, SHOWN_MS); };
  let timer = 0;
  if (act) {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'link', textContent: action });
    button.addEventListener('click', () => { end(); act(); });
    shown.append(' ', button);
  }
  for (const kind of ['pointerenter', 'focusin']) shown.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ['pointerleave', 'focusout']) shown.addEventListener(kind, wait);
  place.replaceChildren(shown);
  wait();
  last = { end };
}
