/** Asks before what cannot simply be undone, in a dialog of the page's own look. */

import { _ } from './texts.js';

/**
 * @param {{title: string, text?: string, action: string, cancel?: string}} question `action` is what its button says
 * @returns {Promise<boolean>} whether to go on; not after Cancel, Escape, or a click beside the dialog
 */
export function ask({ title, text = '', action, cancel = _('Cancel') }) {
  const dialog = made('dialog', { className: 'asks', role: 'alertdialog' });
  dialog.setAttribute('closedby', 'any');
  const heading = made('h2', { id: 'asked', textContent: title, dir: 'auto' });
  const more = made('p', { id: 'asked-more', textContent: text, hidden: !text });
  const go = made('button', { type: 'button', className: 'button', textContent: action });
  const stay = made('button', { type: 'button', className: 'quiet', textContent: cancel, autofocus: true });
  dialog.setAttribute('aria-labelledby', heading.id);
  if (text) dialog.setAttribute('aria-describedby', more.id);
  const buttons = made('p', { className: 'buttons' });
  buttons.append(go, stay);
  dialog.append(heading, more, buttons);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    go.addEventListener('click', () => dialog.close('yes'));
    stay.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

const made = (name, properties) => Object.assign(document.createElement(name), properties);
