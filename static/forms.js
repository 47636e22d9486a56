/** Forms that talk to the API: nothing typed is ever lost, and each problem is told at the field it concerns. */
import { randomKey } from './pottle/requests.js';
import { _, ngettext } from './texts.js';

const FEW_LEFT = 0.9; // of what a field may hold, from which on it says how much is left

/**
 * Lets a form be sent. Until then its buttons are `disabled`, as the page has them: a browser would send it as it is.
 * @param {HTMLFormElement} form
 * @param {(values: object, key: string) => Promise<void>} action
 *   `key` stays the same while the same values are sent again, so that a retry by hand creates nothing twice
 */
export function submits(form, action) {
  let key = null;
  const count = counting(form);
  form.addEventListener('input', () => { key = null; count(); });
  form.addEventListener('keydown', (event) => {
    if (event.isComposing || event.keyCode === 229) return; // an input method's own Enter; Safari says only 229
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    await busy(form, () => {
      check(form);
      key ??= randomKey();
      return action(values(form), key);
    });
    count();
  });
  form.querySelectorAll('[type=submit]').forEach((button) => { button.disabled = false; });
}

/** Does something for a form, which says so meanwhile, and what was wrong. */
export async function busy(form, task) {
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

/** What can be said without asking the server, in the shape of its own problems. */
function check(form) {
  const seen = [...form.elements].filter((field) => field.name && field.offsetParent);
  const errors = seen.flatMap((field) => {
    if (field.required && !field.value.trim()) return { field: field.name, message: _('Please fill this in.') };
    const over = -left(field);
    return over > 0 ? { field: field.name, message: `${tooLong(over)}.` } : [];
  });
  if (errors.length > 0) throw Object.assign(new Error(_('Something is missing or too long.')), { errors });
}

/** Hidden and empty fields are left out: the API refuses what it does not expect. */
export function values(form) {
  const filled = [...form.elements].filter(({ name, value, type, offsetParent }) => name && value && (offsetParent || type === 'hidden'));
  return Object.fromEntries(filled.map(({ name, value }) => [name, value]));
}

/** How many characters still fit into a field with `data-limit`, counted as the server counts: an emoji is one. */
const left = ({ value, dataset }) => ('limit' in dataset ? Number(dataset.limit) - [...value].length : Infinity);

const tooLong = (over) => ngettext('Too long by %(num)s character', 'Too long by %(num)s characters', over);

/** Shows how much is left where it is little. @returns {() => void} looks again */
function counting(form) {
  const count = () => {
    for (const field of form.querySelectorAll('[data-limit]')) {
      const rest = left(field);
      const note = noteOf(field);
      note.hidden = rest > field.dataset.limit * (1 - FEW_LEFT);
      note.classList.toggle('over', rest < 0);
      note.textContent = rest < 0 ? tooLong(-rest) : ngettext('%(num)s character left', '%(num)s characters left', rest);
    }
  };
  count();
  return count;
}

function noteOf(field) {
  const place = field.closest('.field');
  return place.querySelector('.count-left') ?? place.appendChild(Object.assign(document.createElement('span'), { className: 'count-left' }));
}

/** Tells the page, where `place` is, of what was refused: a session may have ended meanwhile. */
export const tell = (place, { status }) => place.dispatchEvent(new CustomEvent('refused', { bubbles: true, detail: status }));

/** Whether there is something in the fields of `root` that the page did not come with. */
export const isTyped = (root) => [...root.querySelectorAll('input, textarea')].some(({ value, defaultValue }) => value !== defaultValue);

export function showProblem(form, problem) {
  tell(form, problem);
  const [here, elsewhere] = split(problem.errors ?? [], ({ field }) => form.elements[field]?.offsetParent);
  here.forEach(({ field, message }) => showAt(form.elements[field], message));
  const rest = elsewhere.map(({ message }) => message).join(' ');
  if (here.length === 0 || rest) form.append(complaint('form-error', rest || problem.detail || problem.message));
  if (problem.offer) form.querySelector('.field-error, .form-error').append(' ', Object.assign(document.createElement('a'), problem.offer));
  if (isTypingElsewhere(form)) return;
  (form.querySelector('[aria-invalid]') ?? form.querySelector('[type=password]') ?? form.querySelector('textarea, input:not([type=hidden])'))?.focus();
}

/** Whether somebody has gone on to another form meanwhile, whose focus is not to be taken. */
function isTypingElsewhere(form) {
  const { activeElement } = form.getRootNode();
  return activeElement?.matches('input, textarea') && !form.contains(activeElement);
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

/**
 * Keeps what is typed over a reload, until it was sent. What was typed before this script came stays too.
 * @returns {() => void} forgets it
 */
export function keepsDraft(field, name) {
  const slot = `draft:${name}`;
  const kept = attempt(() => sessionStorage.getItem(slot)) ?? drafts.get(slot) ?? '';
  const typed = field.value === field.defaultValue ? '' : field.value;
  field.value = joined(kept, typed) || field.value;
  const keep = () => { drafts.set(slot, field.value); attempt(() => sessionStorage.setItem(slot, field.value)); };
  if (typed) keep();
  field.addEventListener('input', keep);
  return () => { drafts.delete(slot); attempt(() => sessionStorage.removeItem(slot)); };
}

const drafts = new Map();

const joined = (kept, typed) => (typed.startsWith(kept) ? typed : [kept, typed].filter(Boolean).join('\n\n'));

/** Storage may be full or forbidden: then a draft lasts as long as its page. */
function attempt(task) {
  try { return task(); } catch { return null; }
}
