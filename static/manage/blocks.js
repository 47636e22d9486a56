/** Who may read in a group and not write. */
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { Problem } from '../pottle.js';
import { _ } from '../texts.js';
import { isolated } from '../view.js';
import { group, part, slug } from './group.js';

const DAY_MS = 86_400_000;
const form = part('#blocks form');

const blocks = new Listing(part('#blocks'), pottle, {
  path: `${group}/blocks`, plural: 'blocks',
  fill(of, { user, name, network, until, why, by, created }) {
    const link = of('.name');
    link.textContent = name ?? network;
    if (user) link.href = `${pottle.url}/groups/${slug}/history/${encodeURIComponent(user)}`;
    else link.removeAttribute('href');
    of('.uid').textContent = user ?? '';
    of('.until').textContent = until ? _('until %(time)s', { time: new Date(until).toLocaleString(document.documentElement.lang) }) : _('for good');
    of('.why').textContent = why;
    of('.by').textContent = by ? _('by %(name)s', { name: by }) : '';
    at(of('time'), created);
  },
  actions: {
    end: async ({ id, name, network }) => await ask({ title: _('End the block of %(name)s?', { name: isolated(name ?? network) }), text: _('They can write again at once.'), action: _('End the block') })
      && pottle.api('DELETE', `${group}/blocks/${id}`),
  },
});

submits(form, async ({ kind, whom, days, why }) => {
  const until = days === 'ever' ? null : new Date(Date.now() + days * DAY_MS).toISOString();
  try {
    await pottle.api('POST', `${group}/blocks`, { [kind]: whom.trim(), why, until });
  } catch (problem) {
    throw problem.status === 404 || problem.status === 409 ? new Problem({ errors: [{ field: 'whom', message: problem.message }] })
      : Object.assign(problem, { errors: problem.errors?.map((error) => (['user', 'network'].includes(error.field) ? { ...error, field: 'whom' } : error)) });
  }
  form.reset();
  await blocks.reload();
});

blocks.follow();
