/** What one is told by mail and on devices: in all groups, and in one. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { _ } from '../texts.js';

const KINDS = ['reply', 'mention', 'post', 'decided', 'waiting'];
const PATH = '/api/me/notices';
const section = document.querySelector('#messages');
const form = section.querySelector('form');
const groups = document.querySelector('#told-in-groups');
const saved = section.querySelector('.saved');
const { zone: zones, quiet, start, end, digest_at: digestAt } = form.elements;

const [chosen, { groups: all }, { zones: names }] = await Promise.all([pottle.api('GET', `${PATH}/settings`), pottle.api('GET', '/api/sidebar'), pottle.api('GET', `${PATH}/zones`)]);
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const name of new Set([own, ...names])) if (name) zones.add(new Option(name.replaceAll('_', ' '), name));
zones.options[0].textContent += ` (${chosen.usual_zone})`;
show(chosen);
list();
submits(form, save);
quiet.addEventListener('change', hours);
form.addEventListener('input', () => { saved.textContent = ''; });

/** Who never chose a zone is offered the one that their device has. */
function show({ mail, push, zone, quiet: hush, digest_at: at, address }) {
  section.querySelectorAll('[data-address]').forEach((told) => { told.hidden = told.dataset.address !== address; });
  for (const kind of KINDS) form.elements[kind].value = mail[kind];
  for (const box of form.elements.push) box.checked = push.includes(box.value);
  zones.value = zone ?? own ?? '';
  quiet.checked = Boolean(hush);
  if (hush) [start.value, end.value] = [hush.start, hush.end];
  digestAt.value = at;
  hours();
}

function hours() { section.querySelector('.between').hidden = !quiet.checked; }

async function save() {
  show(await pottle.api('PUT', `${PATH}/settings`, {
    mail: Object.fromEntries(KINDS.map((kind) => [kind, form.elements[kind].value])),
    push: [...form.elements.push].filter(({ checked }) => checked).map(({ value }) => value),
    zone: zones.value || null, quiet: quiet.checked ? { start: start.value, end: end.value } : null, digest_at: digestAt.value,
  }));
  saved.textContent = _('Saved.');
}

/** One's own groups, and others for which one chose something. */
function list() {
  const known = new Map(all.filter(({ standing }) => standing).map(({ slug, name }) => [slug, { group: slug, name, muted: false, mail: {} }]));
  for (const group of chosen.groups) known.set(group.group, group);
  groups.hidden = known.size === 0;
  groups.querySelector('.items').append(...[...known.values()].map(row));
}

function row({ group, name, muted, mail }) {
  const item = groups.querySelector('template').content.firstElementChild.cloneNode(true);
  const [whole, each] = [item.querySelector('.whole'), item.querySelector('.each')];
  const selects = [...each.querySelectorAll('select')];
  item.querySelector('.name').textContent = name;
  whole.ariaLabel = `${whole.ariaLabel}: ${name}`;
  const said = Object.values(mail);
  const daily = said.length === KINDS.length && said.every((how) => how === 'daily');
  whole.value = muted ? 'mute' : daily ? 'daily' : said.length ? 'each' : 'usual';
  for (const select of selects) select.value = mail[select.name] ?? '';
  const show = () => { each.hidden = whole.value !== 'each'; };
  show();
  item.addEventListener('change', async ({ target }) => {
    show();
    if (target === whole && whole.value === 'each') return;
    item.querySelector('.form-error')?.remove();
    const kinds = whole.value === 'daily' ? KINDS.map((kind) => [kind, 'daily']) : selects.filter(({ value }) => value).map(({ name: kind, value }) => [kind, value]);
    const given = { muted: whole.value === 'mute', mail: ['daily', 'each'].includes(whole.value) ? Object.fromEntries(kinds) : {} };
    await pottle.api('PUT', `${PATH}/groups/${group}`, given).catch(({ message }) => {
      item.append(Object.assign(document.createElement('p'), { className: 'form-error', role: 'alert', textContent: message }));
    });
  });
  return item;
}
