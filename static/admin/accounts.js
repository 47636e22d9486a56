/** All accounts, for admins. */
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing } from '../listing.js';
import { account, pottle } from '../pages.js';
import { Poster } from '../poster.js';
import { _ } from '../texts.js';
import { isolated } from '../view.js';

const part = (selector) => document.querySelector(selector);
const poster = new Poster(part('#code'));
const change = (uid, fields) => pottle.api('PATCH', `/api/users/${encodeURIComponent(uid)}`, fields);

const users = new Listing(part('#users'), pottle, {
  path: '/api/users', plural: 'users',
  fill(of, { uid, name, email, role, disabled, second_factor: second }) {
    of('.name').textContent = name;
    of('.uid').textContent = uid;
    of('.email').textContent = email ?? '';
    of('.off').hidden = !disabled;
    of('[data-do=role]').value = role;
    of('[data-do=toggle]').textContent = disabled ? _('Enable') : _('Disable');
    of('[data-do=second]').hidden = !second;
    of('[data-do=link]').hidden = Boolean(disabled);
    for (const own of ['toggle', 'remove']) of(`[data-do=${own}]`).hidden = uid === account.me?.uid;
  },
  actions: {
    async role({ uid, name, role }, { value }) {
      const asked = value === 'admin'
        ? { title: _('Make %(name)s an admin?', { name: isolated(name) }), text: _('Admins may do everything.'), action: _('Make admin') }
        : { title: _('Make %(name)s an ordinary user?', { name: isolated(name) }), action: _('Make user') };
      if (value !== role && await ask(asked)) await change(uid, { role: value });
    },
    async toggle({ uid, name, disabled }) {
      const asked = { title: _('Disable %(name)s?', { name: isolated(name) }), text: _('They are signed out everywhere at once, and what they wrote stays.'), action: _('Disable') };
      return (disabled || await ask(asked)) && change(uid, { disabled: !disabled });
    },
    async remove({ uid, name }) {
      const asked = { title: _('Delete the account of %(name)s (%(uid)s) for good?', { name: isolated(name), uid }), text: _('What they wrote stays, without a name.'), action: _('Delete') };
      return await ask(asked) && pottle.api('DELETE', `/api/users/${encodeURIComponent(uid)}`);
    },
    async second({ uid, name }) {
      const asked = { title: _('Take the second step of %(name)s off?', { name: isolated(name) }), text: _('For who has lost the phone and the recovery codes: be sure that it is they who ask. They are signed out everywhere, and told by mail.'), action: _('Take it off') };
      return await ask(asked) && pottle.api('DELETE', `/api/users/${encodeURIComponent(uid)}/second`);
    },
    async link({ uid, name }) {
      if (!await ask({ title: _('Make a link by which %(name)s can choose a new password?', { name: isolated(name) }), action: _('Make a link') })) return false;
      const made = await pottle.api('POST', `/api/users/${encodeURIComponent(uid)}/invitations`);
      const where = _('Whoever opens this link chooses the password of %(uid)s.', { uid: made.uid });
      poster.show({ ...made, title: _('For %(name)s only', { name: isolated(made.name) }), where });
      return false;
    },
  },
});

submits(part('#users form'), async (values) => { users.query = values; await users.follow(); });
users.follow();
