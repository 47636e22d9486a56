/** Why a moderator removes a post or declines its new text. Its author reads it. */
import { _ } from './texts.js';

/** @returns {Object<string, string>} the usual reasons in words */
export const reasons = () => ({
  'off-topic': _('Off topic'), unkind: _('Unkind or hurtful'), personal: _('Tells something private about somebody'), solution: _('Gives the solution away'),
  repeated: _('Was said already'), spam: _('Advertising'), other: _('Something else'),
});

/** Why people report posts, in words. */
export const reported = () => ({
  spam: _('Advertising'), rude: _('Unkind or hurtful'), 'off-topic': _('Off topic'), private: _('Tells something private about somebody'),
  illegal: _('Against the law'), other: _('Something else'),
});

/** A decision's reason in words. @param {{reason: ?string, note: ?string, by?: string}} decision */
export function said({ reason, note, by }) {
  const why = [reason && reasons()[reason], note].filter(Boolean).join(': ');
  if (!by) return why;
  return why ? _('Removed by %(name)s. %(reason)s', { name: by, reason: why }) : _('Removed by %(name)s.', { name: by });
}

/**
 * Asks why. Enter goes on, Escape and a click beside it do not.
 * @param {{title: string, action: string}} question
 * @returns {Promise<?{reason?: string, note?: string}>} null for not going on
 */
export function askWhy({ title, action }) {
  const dialog = made('dialog', { className: 'why' });
  dialog.setAttribute('closedby', 'any');
  dialog.setAttribute('aria-labelledby', 'why-title');
  const form = made('form', { method: 'dialog' });
  const choices = made('fieldset', {});
  choices.append(made('legend', { textContent: _('Why? The author reads it.') }), choice('', _('Say nothing'), true));
  for (const [name, words] of Object.entries(reasons())) choices.append(choice(name, words));
  const note = made('input', { name: 'note', maxLength: 500, dir: 'auto', autocomplete: 'off' });
  const label = made('label', { className: 'field', textContent: _('In your own words') });
  label.append(note);
  const buttons = made('p', { className: 'buttons' });
  const stay = made('button', { type: 'button', className: 'quiet', textContent: _('Cancel') });
  buttons.append(made('button', { className: 'button', value: 'yes', textContent: action }), stay);
  form.append(made('h2', { id: 'why-title', textContent: title, dir: 'auto' }), choices, label, buttons);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    stay.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      const { reason, note: { value } } = form.elements;
      dialog.remove();
      if (dialog.returnValue !== 'yes') resolve(null);
      else resolve({ ...(reason.value && { reason: reason.value }), ...(value.trim() && { note: value.trim() }) });
    });
  });
}

function choice(value, words, checked = false) {
  const label = made('label', { className: 'check' });
  label.append(made('input', { type: 'radio', name: 'reason', value, checked, autofocus: checked }), ` ${words}`);
  return label;
}

const made = (name, properties) => Object.assign(document.createElement(name), properties);
