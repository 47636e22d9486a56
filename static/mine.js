/** The page of one's own account: name, picture, password, where one is signed in, tokens, and a feed of replies. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing, at } from './listing.js';
import { pottle } from './pages.js';
import { choosesPicture } from './picture.js';
import { unless } from './pottle/asking.js';
import { _, texts } from './texts.js';

const part = (selector) => document.querySelector(selector);
const day = (text) => new Date(`${text}T12:00`).toLocaleDateString(texts.language);

const sessions = new Listing(part('#sessions'), pottle, {
  path: '/api/me/sessions', plural: 'sessions',
  fill(of, { device, created, used, current, site, origin }) {
    of('.device').textContent = device || _('A browser');
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

submits(part('#password form'), async (values) => {
  await pottle.api('PATCH', '/api/me', values);
  part('#password form').reset();
  part('#password .saved').textContent = _('Changed.');
  await sessions.reload();
});

const profile = part('#profile > form');
submits(profile, async (values) => {
  const { name } = await pottle.api('PATCH', '/api/me', values);
  profile.elements.name.defaultValue = name;
  document.querySelectorAll('.me, .heading .name').forEach((shown) => { shown.textContent = name; });
  const saved = profile.querySelector('.saved');
  saved.textContent = saved.dataset.said;
});
choosesPicture(part('#profile .picture'), pottle);

const tokens = new Listing(part('#tokens'), pottle, {
  path: '/api/me/tokens', plural: 'tokens',
  fill(of, { name, created }) {
    of('.name').textContent = name;
    at(of('time'), created);
  },
  actions: { delete: async ({ id, name }, button) => await ask({ title: button.dataset.asks, text: name, action: button.textContent })
    && pottle.api('DELETE', `/api/me/tokens/${id}`) },
});
const program = part('#tokens form');
submits(program, async (values) => {
  const { token } = await pottle.api('POST', '/api/me/tokens', values);
  program.reset();
  const fresh = part('#tokens .fresh');
  fresh.querySelector('code').textContent = token;
  fresh.hidden = false;
  await tokens.reload();
});

if (part('#feed')) replies();
sessions.follow();
tokens.follow();

/** The secret address of the feed of replies, which is shown when it is made, and then never again. */
function replies() {
  const form = part('#feed form');
  const show = (said, atom = '') => {
    Object.assign(form.querySelector('a'), { href: atom, textContent: atom, hidden: !atom });
    form.querySelector('.saved').textContent = said;
  };
  submits(form, async () => {
    const { atom } = await pottle.api('PUT', '/api/me/feed');
    show(_('Copy it now: it is not shown again.'), atom);
  });
  const end = form.querySelector('[data-do=end]');
  end.disabled = false;
  end.addEventListener('click', async () => {
    const had = await unless(404, pottle.api('DELETE', '/api/me/feed').then(() => true));
    show(had ? _('It has ended.') : _('There is none.'));
  });
}
