/** Where one is signed in. */
import { ask } from '../dialogs.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { _, texts } from '../texts.js';

const part = (selector) => document.querySelector(selector);
const day = (text) => new Date(`${text}T12:00`).toLocaleDateString(texts.language);

const begun = () => ({
  password: _('by the password'), code: _('by a code'), passkey: _('by a passkey'), provider: _('by another service'), sso: _('by the site itself'),
  mail: _('by a link in a mail'),
});

export const sessions = new Listing(part('#sessions'), pottle, {
  path: '/api/me/sessions', plural: 'sessions',
  fill(of, { device, created, used, current, site, origin, how, second }) {
    of('.device').textContent = device || _('A browser');
    const known = [begun()[how], second && second !== 'passkey' && _('with a second step')].filter(Boolean).join(', ');
    of('.how').textContent = known && `· ${known}`;
    if (site) of('.site bdi').textContent = origin?.replace('https://', '') ?? _('a program of %(site)s', { site });
    else of('.site').remove();
    of('.current').hidden = !current;
    at(of('time'), created);
    of('.used').textContent = used ? day(used) : _('a day that is not known');
    of('[data-do=end]').hidden = current; // for that there is the button above
  },
  actions: { end: async ({ id, device }) => await ask({ title: device ? _('Sign out %(device)s?', { device }) : _('Sign out that browser?'), action: _('Sign out') })
    && pottle.api('DELETE', `/api/me/sessions/${id}`) },
});

const others = part('#sessions .others');
others.disabled = false;
others.addEventListener('click', async () => await ask({ title: _('Sign out everywhere but here?'), action: _('Sign out') })
  && sessions.after(() => pottle.api('DELETE', '/api/me/sessions')));
sessions.follow();
