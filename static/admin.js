/** The admin's page: accounts, groups, and what was done. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing } from './listing.js';
import { account, pottle } from './pages.js';
import { Poster } from './poster.js';
import { trail } from './trail.js';
import { isolated } from './view.js';

const part = (selector) => document.querySelector(selector);
const poster = new Poster(part('#code'));

const done = trail(part('#trail'), pottle, '/api/audit');
const change = async (uid, fields) => {
  await pottle.api('PATCH', `/api/users/${encodeURIComponent(uid)}`, fields);
  done.reload();
};

const users = new Listing(part('#users'), pottle, {
  path: '/api/users', plural: 'users',
  fill(of, { uid, name, email, role, disabled }) {
    of('.name').textContent = name;
    of('.uid').textContent = uid;
    of('.email').textContent = email ?? '';
    of('.off').hidden = !disabled;
    of('[data-do=role]').value = role;
    of('[data-do=toggle]').textContent = disabled ? 'Enable' : 'Disable';
    of('[data-do=link]').hidden = Boolean(disabled);
    for (const own of ['toggle', 'remove']) of(`[data-do=${own}]`).hidden = uid === account.me?.uid;
  },
  actions: {
    async role({ uid, name, role }, { value }) {
      const asked = value === 'admin' ? { title: `Make ${isolated(name)} an admin?`, text: 'An admin may do everything here.', action: 'Make an admin' }
        : { title: `Make ${isolated(name)} an ordinary user?`, action: 'Make a user' };
      if (value !== role && await ask(asked)) await change(uid, { role: value });
    },
    async toggle({ uid, name, disabled }) {
      if (!disabled && !await ask({
        title: `Disable ${isolated(name)}?`, text: 'They are signed out everywhere at once. What they wrote stays.', action: 'Disable',
      })) return false;
      return change(uid, { disabled: !disabled });
    },
    async remove({ uid, name }) {
      if (!await ask({
        title: `Delete the account of ${isolated(name)} (${uid}) for good?`, text: 'What they wrote stays, without a name.', action: 'Delete',
      })) return false;
      await pottle.api('DELETE', `/api/users/${encodeURIComponent(uid)}`);
      done.reload();
    },
    async link({ uid, name }) {
      if (!await ask({ title: `Make a link by which ${isolated(name)} can choose a new password?`, action: 'Make a link' })) return false;
      const made = await pottle.api('POST', `/api/users/${encodeURIComponent(uid)}/invitations`);
      poster.show({ ...made, title: `For ${isolated(made.name)} only`, where: `Whoever opens this link chooses the password of ${made.uid}.` });
      done.reload();
      return false;
    },
  },
});

const groups = new Listing(part('#groups'), pottle, {
  path: '/api/groups', plural: 'groups',
  fill(of, { slug, name, reading, posting, review }) {
    Object.assign(of('.name'), { href: `${pottle.url}/groups/${slug}/manage`, textContent: name });
    of('.slug').textContent = slug;
    of('.rules').textContent = `read by ${reading}, written by ${posting}${review === 'none' ? '' : `, review of ${review}`}`;
  },
});

submits(part('#groups form'), async (values, key) => {
  await pottle.api('POST', '/api/groups', values, { idempotencyKey: key });
  part('#groups form').reset();
  await Promise.all([groups.reload(), done.reload()]);
});
for (const [form, list] of [[part('#users form'), users], [part('#trail form'), done]]) {
  submits(form, async (values) => { list.query = values; await list.follow(); });
}
[users, groups, done].forEach((list) => list.follow());
