/** Forms that talk to the API: nothing typed is ever lost, and each problem is told at the field it concerns. */
import { randomKey } from './pottle/requests.js';

/**
 * @param {HTMLFormElement} form
 * @param {(values: object, key: string) => Promise<void>} action
 *   `key` stays the same while the same values are sent again, so that a retry by hand creates nothing twice
 */
export function submits(form, action) {
  let key = null;
  form.addEventListener('input', () => { key = null; });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const blank = [...form.elements].find((field) => field.required && !field.value.trim() && field.offsetParent);
    if (blank) return blank.focus();
    if (form.ariaBusy === 'true') return;
    key ??= randomKey();
    await busy(form, () => action(values(form), key));
  });
}

async function busy(form, task) {
  const buttons = form.querySelectorAll('[type=submit]');
  const wait = (on) => { form.ariaBusy = String(on); buttons.forEach((button) => { button.disabled = on; }); };
  clearProblems(form);
  wait(true);
  try {
    await task();
  } catch (problem) {
    showProblem(form, problem);
  } finally {
    wait(false);
  }
}

/** Hidden and empty fields are left out: the API refuses what it does not expect. */
function values(form) {
  const filled = [...form.elements].filter(({ name, value, type, offsetParent }) => name && value && (offsetParent || type === 'hidden'));
  return Object.fromEntries(filled.map(({ name, value }) => [name, value]));
}

export function showProblem(form, problem) {
  const [here, elsewhere] = split(problem.errors ?? [], ({ field }) => form.elements[field]?.offsetParent);
  here.forEach(({ field, message }) => showAt(form.elements[field], message));
  const rest = elsewhere.map(({ field, message }) => `${field} ${message}`).join('; ');
  if (here.length === 0 || rest) form.append(complaint('form-error', rest || problem.detail || problem.message));
  (form.querySelector('[aria-invalid]') ?? form.querySelector('textarea, input:not([type=hidden])'))?.focus();
}

function showAt(field, message) {
  const note = complaint('field-error', message);
  note.id = `error-${randomKey()}`;
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', note.id);
  field.closest('.field').after(note);
}

const complaint = (className, textContent) => Object.assign(document.createElement('p'), { className, textContent, role: 'alert' });

function clearProblems(form) {
  form.querySelectorAll('.field-error, .form-error').forEach((note) => note.remove());
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
  }
}

function split(items, test) {
  return [items.filter(test), items.filter((item) => !test(item))];
}

/** Keeps what is typed over a reload, until it was sent. @returns {() => void} forgets it */
export function keepsDraft(field, name) {
  const slot = `draft:${name}`;
  field.value = sessionStorage.getItem(slot) ?? field.value;
  field.addEventListener('input', () => sessionStorage.setItem(slot, field.value));
  return () => sessionStorage.removeItem(slot);
}
