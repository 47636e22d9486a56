/** Keys that do something in a page: one character each, where nobody is typing. `?` shows them all, and turns them off. */
import { _ } from './texts.js';

const SLOT = 'keys'; // of what is remembered in this browser: that they are turned off
const known = new Map();
let off = remembered() === 'off';

/** @param {string} key as `KeyboardEvent.key` has it @param {string} says what it does @param {() => void} act */
export function onKey(key, says, act) {
  if (known.size === 0) document.addEventListener('keydown', pressed);
  known.set(key, { says, act });
}

function pressed(event) {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (!(target instanceof Element) || target.closest('input, textarea, select, [contenteditable], dialog') || document.querySelector('dialog[open]')) return;
  const found = key === '?' ? { act: show } : off ? undefined : known.get(key);
  if (!found) return;
  event.preventDefault();
  found.act();
}

/** Shows which keys there are. */
export function show() {
  const dialog = made('dialog', { className: 'keys' });
  dialog.setAttribute('closedby', 'any');
  dialog.setAttribute('aria-labelledby', 'keys-title');
  const list = made('dl');
  for (const [key, says] of [...[...known].map(([name, of]) => [name, of.says]), ['?', _('Show these keys')]]) {
    const term = made('dt');
    term.append(made('kbd', { textContent: key }));
    list.append(term, made('dd', { textContent: says }));
  }
  const use = made('label', { className: 'check' });
  const box = made('input', { type: 'checkbox', checked: !off });
  box.addEventListener('change', () => { off = !box.checked; remember(off ? 'off' : 'on'); });
  use.append(box, ` ${_('Use these keys')}`);
  const close = made('button', { type: 'button', className: 'button', textContent: _('Close'), autofocus: true });
  close.addEventListener('click', () => dialog.close());
  const buttons = made('p', { className: 'buttons' });
  buttons.append(close);
  dialog.append(made('h2', { id: 'keys-title', textContent: _('Keys') }), list, use, buttons);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const made = (name, properties) => Object.assign(document.createElement(name), properties);

function remembered() {
  try { return localStorage.getItem(SLOT); } catch { return null; } // where storage is denied
}

function remember(value) {
  try { localStorage.setItem(SLOT, value); } catch { /* until the page is left, then */ }
}
