/** Imports of comments, for admins: a file is looked at first, and imported when somebody says so. */
import { submits } from '../forms.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { _, ngettext, texts } from '../texts.js';

const part = (selector) => document.querySelector(selector);
const form = part('#imports form');
const WORKING = ['checking', 'importing', 'placing'];

const states = () => ({
  checking: _('is being looked at'), checked: _('can be imported'), importing: _('is being imported'), placing: _('is put into place'),
  done: _('imported'), failed: _('failed'), cancelled: _('cancelled'),
});
const change = (id, state) => pottle.api('PATCH', `/api/imports/${id}`, { state });

const imports = new Listing(part('#imports'), pottle, {
  path: '/api/imports', plural: 'imports',
  fill(of, { file, group_name: name, created, state, step, done, total, counts, report, error }) {
    of('.file').textContent = file;
    of('.group').textContent = name;
    at(of('time'), created);
    of('.state').textContent = states()[state];
    const working = WORKING.includes(state);
    const bar = of('progress');
    bar.hidden = !working;
    bar.ariaLabel = states()[state];
    if (total) bar.value = done / total;
    of('.step').textContent = error ?? (working && total ? `${number(done)} / ${number(total)}` : '');
    of('.counts').textContent = Object.entries(counts).filter(([kind, count]) => count || kind === 'posts').map(([kind, count]) => `${kinds()[kind] ?? kind}: ${number(count)}`).join(' · ');
    const details = of('.report');
    details.hidden = !report.length;
    details.querySelector('summary').textContent = ngettext('%(num)s note on what is left out or changed', '%(num)s notes on what is left out or changed', report.length);
    details.querySelector('ul').append(...report.map((line) => Object.assign(document.createElement('li'), { textContent: line, dir: 'auto' })));
    of('[data-do=go]').hidden = state !== 'checked';
    of('[data-do=cancel]').hidden = !['checking', 'checked', 'importing'].includes(state);
  },
  actions: {
    go: ({ id }) => change(id, 'importing'),
    cancel: ({ id }) => change(id, 'cancelled'),
  },
});

const number = (value) => value.toLocaleString(texts.language);
const kinds = () => ({ posts: _('Posts'), discussions: _('Discussions'), people: _('People'), pending: _('Waiting for review') });

async function send(group, file) {
  const query = new URLSearchParams({ group, name: file.name });
  let answer;
  try {
    answer = await fetch(`${pottle.url}/api/imports?${query}`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } });
  } catch {
    throw new Error(_('The server cannot be reached. Please try again.'));
  }
  if (answer.ok) return;
  const { detail, errors } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(detail ?? answer.statusText), { errors });
}

submits(form, async ({ group }) => {
  await send(group, form.elements.file.files[0]);
  form.reset();
  await imports.reload();
});
pottle.api('GET', '/api/groups?limit=100').then(({ groups }) => {
  part('#groups-here').append(...groups.map(({ slug, name }) => Object.assign(document.createElement('option'), { value: slug, label: name })));
}, () => {}); // then its name has to be typed
imports.follow();
