/** The page of a group's moderators: who belongs to it, and its rules. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing, at } from './listing.js';
import { account, pottle } from './pages.js';
import { Poster } from './poster.js';
import { showRoster } from './roster.js';
import { showSecrets } from './secrets.js';
import { trail } from './trail.js';
import { isolated } from './view.js';

export const part = (selector) => document.querySelector(selector);
export const page = part('.managing');
export const group = `/api/groups/${page.dataset.group}`;
const poster = new Poster(part('#code'));
const { joinAt } = page.dataset; // as pupils reach it, who may not be on this machine
const done = trail(part('#trail'), pottle, `${group}/audit`);
export const words = (text) => text.split(/\s+/).filter(Boolean);
export const noted = async (answer) => { await answer; done.reload(); };

// people

const invitations = new Listing(part('#invitations'), pottle, {
  path: `${group}/invitations`, plural: 'invitations',
  fill(of, { role, uses, expires, created, by }) {
    of('.role').textContent = role === 'moderator' ? 'As moderators' : 'As members';
    of('.uses').textContent = uses === null ? 'any number,' : `${uses} more,`;
    of('.until').textContent = new Date(expires).toLocaleString();
    at(of('time'), created);
    of('.by').textContent = by ? `by ${by}` : 'by the operator';
  },
  actions: { revoke: async ({ id }) => await ask({ title: 'Revoke this invitation?', text: 'Who joined by it stays.', action: 'Revoke' })
    && noted(pottle.api('DELETE', `${group}/invitations/${id}`)) },
});

submits(part('#invitations form'), async ({ role, uses, days }) => {
  const made = await pottle.api('POST', `${group}/invitations`, { role, uses: uses ? Number(uses) : null, days: Number(days) });
  poster.show({ ...made, title: `Join ${isolated(part('.channel-title').textContent)}`, where: `Open ${joinAt} and enter` });
  await Promise.all([invitations.reload(), done.reload()]);
});

const members = new Listing(part('#members'), pottle, {
  path: `${group}/members`, plural: 'members',
  fill(of, { uid, name, role }) {
    const mine = uid === account.me?.uid;
    of('.name').textContent = name;
    of('.uid').textContent = mine ? `${uid}, you` : uid;
    of('[data-do=role]').value = role;
    for (const control of ['role', 'remove', 'code']) of(`[data-do=${control}]`).hidden = mine; // nobody locks himself out
  },
  actions: {
    role: ({ uid }, { value }) => put(uid, value),
    remove: async ({ uid, name }) => await ask({ title: `End the membership of ${isolated(name)}?`, text: 'What they wrote stays.', action: 'Remove' })
      && noted(pottle.api('DELETE', `${group}/members/${encodeURIComponent(uid)}`)),
    async code({ uid, name }) {
      if (!await ask({ title: `Make a new code for ${isolated(name)}?`, text: 'With it they choose a password. The code before ends.', action: 'Make a code' })) return false;
      const made = await pottle.api('POST', `${group}/roster/${encodeURIComponent(uid)}`);
      poster.show({ ...made, title: `For ${isolated(made.name)} only`, where: `Your user name is ${made.uid}. Open ${joinAt} and enter` });
      done.reload();
      return false;
    },
  },
});

const put = (uid, role) => noted(pottle.api('POST', `${group}/members`, { uid, role }));

submits(part('#members form'), async ({ uid, role }) => {
  await put(uid, role);
  part('#members form').reset();
  await members.reload();
});

showRoster(part('#roster form'), part('.printable'), joinAt, async (csv) => {
  const { accounts } = await pottle.api('POST', `${group}/roster`, { csv });
  members.reload();
  done.reload();
  return accounts;
});

// rules

export const rules = part('#rules form');

export async function saveRules(fields) {
  const { version, origins } = await pottle.api('PATCH', group, fields, { ifMatch: `"${page.dataset.version}-0"` });
  page.dataset.version = version;
  rules.elements.origins.defaultValue = origins.join('\n');
  done.reload();
}

submits(rules, async () => {
  const { name, reading, posting, review, origins } = rules.elements;
  await saveRules({ name: name.value, reading: reading.value, posting: posting.value, review: review.value, origins: words(origins.value) });
  part('.managing .channel-title').textContent = name.value;
  part('#rules .saved').textContent = 'Saved.';
  rules.dispatchEvent(new Event('saved'));
});

const secrets = showSecrets(part('#secrets'), pottle, group, noted);

[invitations, members, secrets, done].forEach((list) => list.follow());
