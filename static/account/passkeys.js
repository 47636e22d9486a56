/** One's passkeys. */
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { add, available } from '../passkeys.js';
import { _, texts } from '../texts.js';

const section = document.querySelector('#passkeys');
const renaming = document.querySelector('#renaming');
const day = (text) => new Date(`${text}T12:00`).toLocaleDateString(texts.language);
let chosen = null;

const passkeys = new Listing(section, pottle, {
  path: '/api/me/passkeys', plural: 'passkeys',
  fill(of, { name, created, used, synced }) {
    of('.name').textContent = name;
    of('.synced').hidden = !synced;
    at(of('time'), created);
    of('.used').textContent = used ? _('last used on %(day)s', { day: day(used) }) : _('not used yet');
  },
  actions: {
    rename: async ({ id, name }) => {
      chosen = id;
      renaming.querySelector('input').value = name;
      renaming.showModal();
      await new Promise((resolve) => { renaming.addEventListener('close', resolve, { once: true }); });
    },
    delete: async ({ id, name }, button) => await ask({ title: button.dataset.asks, text: name, action: button.textContent })
      && pottle.api('DELETE', `/api/me/passkeys/${id}`),
  },
});

submits(renaming.querySelector('form'), async ({ name }) => {
  await pottle.api('PATCH', `/api/me/passkeys/${chosen}`, { name });
  renaming.close();
});

const button = section.querySelector('[data-do=passkey]');
button.hidden = !available();
section.querySelector('.unavailable').hidden = available();
button.addEventListener('click', () => passkeys.after(() => add(pottle)));
passkeys.follow();
