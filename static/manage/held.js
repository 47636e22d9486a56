/** By which rules posts are held back, and a place to try a text. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { _ } from '../texts.js';
import { group, part } from './group.js';

const LISTS = ['hosts', 'hold_words', 'refuse_words'];
const NUMBERS = ['hold_first', 'trusted_after', 'removed_share', 'links', 'slow', 'hide_after'];
const SWITCHES = ['judging', 'proof', 'service_holds'];

const path = `${group}/rules`;
const form = part('#held form');
const { elements } = form;
let version = 0;

function fill(rules) {
  ({ version } = rules);
  for (const name of LISTS) elements[name].value = rules[name].join('\n');
  for (const name of NUMBERS) choose(elements[name], String(rules[name]));
  for (const name of SWITCHES) elements[name].checked = rules[name];
  elements.service.value = rules.service;
  elements.service_url.value = rules.service_url ?? '';
  elements.service_key.value = '';
  elements.service_key.placeholder = rules.service_key ? _('One is set. Write another here to replace it.') : '';
  adapt();
}

/** What a program has set may not be among the choices. */
function choose(field, value) {
  if (field.tagName === 'SELECT' && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
  field.value = value;
}

function adapt() {
  part('#held .service').hidden = elements.service.value === 'none';
  elements.service_url.placeholder = elements.service.value === 'akismet' ? 'https://rest.akismet.com/1.1/comment-check' : '';
}

const lines = ({ value }) => value.split('\n').map((line) => line.trim()).filter(Boolean);

function chosen() {
  const rules = { service: elements.service.value, service_url: elements.service_url.value.trim() || null };
  for (const name of LISTS) rules[name] = lines(elements[name]);
  for (const name of NUMBERS) rules[name] = Number(elements[name].value);
  for (const name of SWITCHES) rules[name] = elements[name].checked;
  if (elements.service_key.value) rules.service_key = elements.service_key.value;
  return rules;
}

submits(form, async () => {
  fill(await pottle.api('PATCH', path, chosen(), { ifMatch: `"${version}-0"` }));
  part('#held .saved').textContent = _('Saved.');
});
form.addEventListener('input', () => { part('#held .saved').textContent = ''; adapt(); });

const trying = part('#try form');
submits(trying, async () => {
  const { body, guest } = trying.elements;
  const { score, waits, refused, reasons } = await pottle.api('POST', `${path}/try`, { body: body.value, guest: guest.checked });
  part('#try .tried').hidden = false;
  part('#try .verdict').textContent = refused ? _('It would be refused: %(word)s', { word: refused })
    : waits ? _('It would wait for you.') : _('It would appear at once.');
  part('#try .score').textContent = _('Score %(score)s; from 1 on a post waits.', { score });
  part('#try ul').replaceChildren(...reasons.map(({ says, points }) => Object.assign(document.createElement('li'), { textContent: `${says} (+${Math.round(points * 100) / 100})` })));
});
trying.addEventListener('input', () => { part('#try .tried').hidden = true; });

fill(await pottle.api('GET', path));
