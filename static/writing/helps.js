/** What helps to write: a toolbar with keys, a preview, names to choose from, images. It comes when somebody begins to write. */
import { trusted } from '../view.js';
import { _ } from '../texts.js';
import { completes } from './completion.js';
import { guide } from './guide.js';
import { Images } from './images.js';
import { around, before, code, link } from './marking.js';

/** @param {HTMLFormElement} form as in templates/_composer.html @param {import('../pottle.js').Pottle} pottle */
export function help(form, pottle, account) {
  if ('helped' in form.dataset || !form.isConnected) return; // it was sent before this came
  form.dataset.helped = '';
  const { dataset } = form.closest('.discussion');
  const field = form.elements.body;
  const images = dataset.images === 'true' ? new Images(form, pottle, dataset.channel, () => account.me) : null;
  const bar = toolbar(field, images);
  field.closest('.field').before(bar);
  explains(bar);
  previews(form, bar, (body) => pottle.api('POST', '/api/preview', { channel: Number(dataset.channel), body }));
  completes(field, pottle, account);
}

const KINDS = (field, images) => [
  { key: 'b', sign: 'B', says: _('Bold'), does: () => around(field, '**', _('bold')) },
  { key: 'i', sign: 'I', says: _('Italic'), does: () => around(field, '*', _('italic')) },
  { key: 'e', sign: '<>', says: _('Code'), does: () => code(field, _('code')) },
  { key: 'k', drawn: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.2 1.2a3 3 0 0 1-4.3-4.3L4.7 7.2', says: _('Link'), does: () => link(field, _('words')) },
  { sign: '\u275D', says: _('Quote'), does: () => before(field, '> ') },
  { drawn: 'M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01', says: _('List'), does: () => before(field, '- ') },
  { sign: '\u2611\uFE0E', says: _('Tasks'), does: () => before(field, '- [ ] ') },
  ...(images ? [{ drawn: 'M2 3h12v10H2zM2 11l4-4 3 3 2-2 3 3M10.5 6h.01', says: _('Image'), does: () => images.choose() }] : []),
];

/** One stop for the Tab key; arrow keys go on from there. */
function toolbar(field, images) {
  const bar = made('div', { className: 'toolbar', role: 'toolbar', ariaLabel: _('Formatting') });
  const kinds = KINDS(field, images);
  kinds.forEach(({ key, sign = '', drawn, says, does }, at) => {
    const title = key ? `${says} (${/Mac|iP/.test(navigator.platform) ? '\u2318' : 'Ctrl+'}${key.toUpperCase()})` : says;
    const button = made('button', { type: 'button', className: 'quiet', textContent: sign, title, ariaLabel: says, tabIndex: at ? -1 : 0 });
    if (drawn) button.append(picture(drawn));
    button.addEventListener('click', does);
    bar.append(button);
  });
  bar.addEventListener('keydown', (event) => step(event, bar));
  field.addEventListener('keydown', (event) => {
    const plain = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    const kind = plain && kinds.find(({ key }) => key === event.key.toLowerCase());
    if (!kind) return;
    event.preventDefault();
    kind.does();
  });
  return bar;
}

/** A picture in the colour of the words around it. @param {string} path in a square of 16 by 16 */
function picture(path) {
  const [svg, line] = ['svg', 'path'].map((name) => document.createElementNS('http://www.w3.org/2000/svg', name));
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

function step(event, bar) {
  const along = getComputedStyle(bar).direction === 'rtl' ? -1 : 1;
  const by = { ArrowRight: along, ArrowLeft: -along }[event.key];
  const buttons = [...bar.querySelectorAll('button:not([hidden])')];
  const at = buttons.indexOf(document.activeElement);
  if (!by || at < 0) return;
  event.preventDefault();
  const next = buttons[(at + by + buttons.length) % buttons.length];
  buttons.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
  next.focus();
}

/** What else can be written so. */
function explains(bar) {
  const button = made('button', { type: 'button', className: 'quiet', textContent: '?', title: _('Help with Markdown'), ariaLabel: _('Help with Markdown'), tabIndex: -1, ariaExpanded: 'false' });
  const lines = guide();
  button.addEventListener('click', () => {
    lines.hidden = !lines.hidden;
    button.ariaExpanded = String(!lines.hidden);
  });
  bar.append(button);
  bar.after(lines);
}

/** Shows the text as the server would, in the place of the field, and back. */
function previews(form, bar, render) {
  const place = form.elements.body.closest('.field');
  const shown = made('div', { className: 'preview body', dir: 'auto', tabIndex: -1, hidden: true, role: 'region', ariaLabel: _('Preview') });
  const button = made('button', { type: 'button', className: 'quiet to-preview', textContent: _('Preview'), tabIndex: -1, ariaPressed: 'false' });
  const show = (on) => {
    shown.hidden = !on;
    place.hidden = on;
    button.ariaPressed = String(on);
    bar.querySelectorAll('button').forEach((other) => { other.disabled = on && other !== button; });
  };
  place.after(shown);
  bar.append(button);
  button.addEventListener('click', async () => {
    if (!shown.hidden) { show(false); return form.elements.body.focus(); }
    if (!form.elements.body.value.trim()) return form.elements.body.focus();
    try {
      shown.innerHTML = trusted((await render(form.elements.body.value)).html); // sanitised by the server
      show(true);
    } catch (problem) {
      shown.textContent = problem.errors[0]?.message ?? problem.message;
      show(true);
    }
    return undefined;
  });
  for (const event of ['submit', 'reset', 'input']) form.addEventListener(event, () => show(false), true);
}

const made = (name, fields) => Object.assign(document.createElement(name), fields);
