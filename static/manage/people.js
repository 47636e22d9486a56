/** Who belongs to a group: invitations, accounts for a class list, members. */
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing, at } from '../listing.js';
import { account, pottle } from '../pages.js';
import { Poster } from '../poster.js';
import { showRoster } from '../roster.js';
import { _, ngettext } from '../texts.js';
import { isolated } from '../view.js';
import { group, page, part } from './group.js';

const poster = new Poster(part('#code'));
const { joinAt } = page.dataset; // as pupils reach it, who may not be on this machine
const time = (stamp) => new Date(stamp).toLocaleString(document.documentElement.lang);

const invitations = new Listing(part('#invitations'), pottle, {
  path: `${group}/invitations`, plural: 'invitations',
  fill(of, { role, uses, expires, created, by }) {
    of('.role').textContent = role === 'moderator' ? _('As moderators') : _('As members');
    of('.uses').textContent = uses === null ? _('for any number') : ngettext('for %(num)s more', 'for %(num)s more', uses);
    of('.until').textContent = _('until %(time)s', { time: time(expires) });
    at(of('time'), created);
    of('.by').textContent = by ? _('made by %(name)s', { name: by }) : _('made by the operator');
  },
  actions: {
    revoke: async ({ id }) => await ask({ title: _('Revoke this invitation?'), text: _('Who joined by it stays.'), action: _('Revoke') })
      && pottle.api('DELETE', `${group}/invitations/${id}`),
  },
});

submits(part('#invitations form'), async ({ role, uses, days }) => {
  const made = await pottle.api('POST', `${group}/invitations`, { role, uses: uses ? Number(uses) : null, days: Number(days) });
  const name = isolated(part('.channel-title').textContent);
  poster.show({ ...made, title: _('Join %(name)s', { name }), where: _('Open %(address)s and enter', { address: joinAt }) });
  await invitations.reload();
});

const MAILED = { waiting: _('waits to be sent'), sent: _('sent'), failed: _('could not be sent'), dropped: _('not sent') };
const mailed = part('#mailed') && new Listing(part('#mailed'), pottle, {
  path: `${group}/invitations/mails`, plural: 'mails',
  fill(of, { address, state, trouble, created }) {
    of('.address').textContent = address;
    of('.state').textContent = MAILED[state];
    of('.trouble').textContent = state === 'sent' ? '' : trouble ?? '';
    at(of('time'), created);
  },
  actions: {
    revoke: async ({ id }) => await ask({ title: _('Revoke this invitation?'), text: _('Who joined by it stays.'), action: _('Revoke') })
      && pottle.api('DELETE', `${group}/invitations/mails/${id}`),
  },
});
if (mailed) submits(part('#mailed form'), async ({ addresses }, key) => {
  const to = addresses.split(/[\s,;]+/u).filter(Boolean);
  await pottle.api('POST', `${group}/invitations/mails`, { addresses: to }, { idempotencyKey: key });
  part('#mailed form').reset();
  await mailed.reload();
});

const members = new Listing(part('#members'), pottle, {
  path: `${group}/members`, plural: 'members',
  fill(of, { uid, name, role }) {
    const mine = uid === account.me?.uid;
    of('.name').textContent = name;
    of('.uid').textContent = mine ? _('%(uid)s, you', { uid }) : uid;
    of('[data-do=role]').value = role;
    for (const control of ['role', 'remove', 'code']) of(`[data-do=${control}]`).hidden = mine; // nobody locks himself out
  },
  actions: {
    role: ({ uid }, { value }) => put(uid, value),
    remove: async ({ uid, name }) => await ask({ title: _('End the membership of %(name)s?', { name: isolated(name) }), text: _('What they wrote stays.'), action: _('Remove') })
      && pottle.api('DELETE', `${group}/members/${encodeURIComponent(uid)}`),
    async code({ uid, name }) {
      const title = _('Make a new code by which %(name)s chooses a password?', { name: isolated(name) });
      if (!await ask({ title, text: _('The one before ends.'), action: _('Make a code') })) return false;
      const made = await pottle.api('POST', `${group}/roster/${encodeURIComponent(uid)}`);
      const where = _('Your user name is %(uid)s. Open %(address)s and enter', { uid: made.uid, address: joinAt });
      poster.show({ ...made, title: _('For %(name)s only', { name: isolated(made.name) }), where });
      return false;
    },
  },
});

const put = (uid, role) => pottle.api('POST', `${group}/members`, { uid, role });

submits(part('#members form'), async ({ uid, role }) => {
  await put(uid, role);
  part('#members form').reset();
  await members.reload();
});

showRoster(part('#roster form'), part('.printable'), joinAt, async (csv) => {
  const { accounts } = await pottle.api('POST', `${group}/roster`, { csv });
  members.reload();
  return accounts;
});

const decide = ({ id }, state) => pottle.api('PATCH', `${group}/claims/${id}`, { state });
const claims = part('#claims') && new Listing(part('#claims'), pottle, {
  path: `${group}/claims`, plural: 'claims',
  fill(of, { guest, source, uid, name, posts, post, created }) {
    of('.name').textContent = name;
    of('.uid').textContent = uid;
    of('.says').textContent = _('says to be %(guest)s of %(source)s', { guest: isolated(guest), source });
    Object.assign(of('.theirs'), { href: `${pottle.url}/posts/${post}`, textContent: ngettext('%(num)s post', '%(num)s posts', posts), hidden: !posts });
    at(of('time'), created);
  },
  actions: { approve: (claim) => decide(claim, 'approved'), decline: (claim) => decide(claim, 'declined') },
});

[invitations, members, claims].forEach((list) => list?.follow());
