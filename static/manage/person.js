/** Somebody's history in a group, for its moderators: in a dialog, or on its page; what they note and do there. */
import { undoing } from '../decisions.js';
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { reasons } from '../reasons.js';
import { _, ngettext, texts } from '../texts.js';
import { toast } from '../toast.js';
import { made, tickAll } from '../view.js';

const DAY_MS = 86_400_000;
const DAYS = [1, 7, 30, 366];

/** Opens somebody's history in a dialog. */
export async function showHistory(pottle, slug, uid) {
  const path = `${pottle.url}/groups/${slug}/history/${encodeURIComponent(uid)}`;
  const dialog = opened('person', _('History of %(uid)s', { uid }));
  const show = async () => {
    const found = await read(path);
    const close = made('button', { type: 'button', className: 'button', textContent: _('Done') });
    close.addEventListener('click', () => dialog.close());
    const buttons = made('p', { className: 'buttons' });
    buttons.append(close, ...(found ? [made('a', { href: path, textContent: _('As a page') })] : []));
    const missing = made('p', { textContent: _('That did not work. Please try again.') });
    dialog.replaceChildren(found || missing, buttons);
    if (found) acts(found, pottle, show, () => dialog.close());
    close.focus({ preventScroll: true });
  };
  await show();
}

/** A history as the server has it now. @returns {Promise<?HTMLElement>} */
export async function read(path) {
  const answer = await fetch(path, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (!answer?.ok) return null;
  const found = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.history');
  if (found) tickAll(found);
  return found;
}

/**
 * Has the buttons of a history do what they say.
 * @param {HTMLElement} history as in templates/history.html @param {() => void} again shows it as it is then
 * @param {() => void} [cleared] after all was removed: a dialog closes, for what can be undone is behind it
 */
export function acts(history, pottle, again, cleared = again) {
  const { group, uid, name } = history.dataset;
  const path = `/api/groups/${group}`;
  const actions = {
    note: () => writeNote(pottle, path, { uid }, _('A note on %(name)s', { name })).then((done) => done && again()),
    clear: () => clearUp(pottle, `${path}/history/${encodeURIComponent(uid)}/clearing`, path, name, cleared),
    async 'delete-note'(button) {
      if (!await ask({ title: _('Delete the note?'), action: _('Delete') })) return;
      await pottle.api('DELETE', `${path}/notes/${button.closest('[data-id]').dataset.id}`);
      again();
    },
  };
  history.querySelector('[data-do=trust]')?.addEventListener('change', ({ target }) => {
    const trust = `${path}/trust/${encodeURIComponent(uid)}`;
    const said = target.value ? pottle.api('PUT', trust, { level: target.value }) : pottle.api('DELETE', trust);
    const tell = (textContent) => Object.assign(history.querySelector('.saved'), { textContent });
    said.then(() => tell(_('Saved.')), (problem) => tell(problem.message));
  });
  for (const day of history.querySelectorAll('[data-day]')) day.textContent = new Date(day.dataset.day).toLocaleDateString(texts.language);
  history.addEventListener('click', ({ target }) => {
    const button = target.closest('button[data-do]');
    if (button) Promise.resolve(actions[button.dataset.do]?.(button)).catch((problem) => toast({ text: problem.message }));
  });
}

/** The notes on a post, where one can write another. @returns {Promise<boolean>} whether one was written */
export async function showNotes(pottle, slug, post, name) {
  const path = `/api/groups/${slug}`;
  const { notes } = await pottle.api('GET', `${path}/notes?post=${post}`);
  const list = made('ul', { className: 'items' });
  list.append(...notes.map(({ text, by, created }) => {
    const line = made('li', { className: 'row' });
    const time = made('time', {});
    time.setAttribute('datetime', created);
    line.append(made('span', { className: 'grow', textContent: text, dir: 'auto' }), made('bdi', { className: 'soft', textContent: by ?? _('Former user') }), time);
    return line;
  }));
  tickAll(list);
  return writeNote(pottle, path, { post }, _('A note on the post of %(name)s', { name }), notes.length ? [list] : []);
}

/** Asks for a note on a person or a post. @returns {Promise<boolean>} whether one was written */
export function writeNote(pottle, path, about, title, before = []) {
  const text = made('textarea', { name: 'text', required: true, rows: 3, dir: 'auto' });
  text.dataset.limit = 1000;
  const hint = made('p', { className: 'hint', textContent: _('Only moderators of the group read it. But it is about a person, who may ask for it with their data: write what you would say to them, and name nobody else.') });
  return filled('note', title, _('Write it'), [...before, field(_('Note'), text), hint], (values, key) => pottle.api('POST', `${path}/notes`, { ...values, ...about }, { idempotencyKey: key }));
}

/** Asks what a moderator answers to an appeal. @returns {Promise<boolean>} whether it was answered */
export function askAnswer(title, action, send) {
  const words = made('textarea', { name: 'answer', rows: 3, dir: 'auto' });
  words.dataset.limit = 500;
  return filled('answer', title, action, [field(_('What do you say to the author?'), words)], send);
}

/** Asks until when and why nobody is to write from where a guest's post came. @returns {Promise<boolean>} whether it was done */
export function blockNetwork(pottle, slug, post, name) {
  const [until, why] = ofBlock(false);
  const hint = made('p', { className: 'hint', textContent: _('From the network that this post came from, nobody can write in the group then but people whom it trusts. You do not see its address.') });
  return filled('block', _('Block where %(name)s wrote from?', { name }), _('Block'), [field(_('Block them?'), until), field(_('Why they are blocked; they read it'), why), hint],
    () => pottle.api('POST', `/api/groups/${slug}/blocks`, { post, why: why.value.trim() || _('Something else'), until: ends(until.value) }));
}

function ofBlock(optional) {
  const lengths = [[1, _('For a day')], [7, _('For a week')], [30, _('For a month')], ['ever', _('For good')]];
  const until = choice('blocked', optional ? [['', _('No')], ...lengths] : lengths, '7');
  return [until, made('input', { name: 'why', maxLength: 500, dir: 'auto', autocomplete: 'off', value: _('Advertising') })];
}

const ends = (days) => (days === 'ever' ? null : new Date(Date.now() + days * DAY_MS).toISOString());

/** Asks how much, says how much that is, and does it; with one click it is undone. */
async function clearUp(pottle, path, group, name, cleared) {
  const days = choice('days', DAYS.map((many) => [many, many === 366 ? _('the last year') : ngettext('the last day', 'the last %(num)s days', many)]), '7');
  const reason = choice('reason', [['', _('Say nothing')], ...Object.entries(reasons())], 'spam');
  const [until, why] = ofBlock(true);
  const much = made('p', { className: 'much' });
  much.setAttribute('role', 'status');
  const look = async () => {
    const found = await pottle.api('GET', `${path}?days=${days.value}`).catch((problem) => ({ problem }));
    much.textContent = found.problem?.message ?? described(found);
  };
  days.addEventListener('change', look);
  reason.addEventListener('change', () => { if (reason.value) why.value = reasons()[reason.value]; });
  look();
  const fields = [field(_('What they wrote in'), days), much, field(_('Why? The author reads it.'), reason), field(_('Block them?'), until), field(_('Why they are blocked; they read it'), why)];
  await filled('clear', _('Remove all posts of %(name)s', { name }), _('Remove all'), fields, async (values) => {
    const block = until.value && { why: why.value.trim() || _('Something else'), until: ends(until.value) };
    const done = await pottle.api('POST', path, { days: Number(values.days), ...(reason.value && { reason: reason.value }), ...(block && { block }) });
    const text = ngettext('%(num)s post was removed.', '%(num)s posts were removed.', done.posts + done.edits);
    const undo = async () => {
      if (done.block) await pottle.api('DELETE', `${group}/blocks/${done.block.id}`).catch(() => null);
      await undoing(pottle, done.decisions, cleared)?.();
    };
    toast({ text: done.block ? `${text} ${_('%(name)s is blocked.', { name })}` : text, action: _('Undo'), act: undo });
    cleared();
  });
}

function described({ posts, anonymous, edits, more }) {
  return [
    ngettext('%(num)s post is removed.', '%(num)s posts are removed.', posts), anonymous && ngettext('%(num)s of them is anonymous.', '%(num)s of them are anonymous.', anonymous),
    edits && ngettext('%(num)s new text is declined.', '%(num)s new texts are declined.', edits), more && _('There are still more, for another time.'),
  ].filter(Boolean).join(' ');
}

function opened(name, label) {
  const dialog = made('dialog', { className: name });
  dialog.setAttribute('closedby', 'any');
  dialog.ariaLabel = label;
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/** A dialog with a form. @returns {Promise<boolean>} whether it was sent */
function filled(name, title, action, fields, send) {
  const dialog = opened(name, title);
  const form = made('form', { noValidate: true });
  const stay = made('button', { type: 'button', className: 'quiet', textContent: _('Cancel') });
  stay.addEventListener('click', () => dialog.close());
  const buttons = made('p', { className: 'buttons' });
  buttons.append(made('button', { className: 'button', type: 'submit', textContent: action }), stay);
  form.append(made('h2', { textContent: title, dir: 'auto' }), ...fields, buttons);
  dialog.append(form);
  submits(form, async (values, key) => {
    await send(values, key);
    dialog.close('sent');
  });
  form.querySelector('textarea, select').focus();
  return new Promise((resolve) => { dialog.addEventListener('close', () => resolve(dialog.returnValue === 'sent')); });
}

function field(words, control) {
  const label = made('label', { className: 'field', textContent: words });
  label.append(control);
  return label;
}

function choice(name, options, chosen) {
  const select = made('select', { name });
  select.append(...options.map(([value, textContent]) => made('option', { value, textContent })));
  select.value = chosen;
  return select;
}
