/** On a group's page: its secrets for single sign-on. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing, at } from './listing.js';
import { _ } from './texts.js';

export function showSecrets(section, pottle, group) {
  const list = new Listing(section, pottle, {
    path: `${group}/secrets`, plural: 'secrets',
    fill(of, { id, created, used }) {
      of('.number').textContent = _('Number %(id)s', { id });
      at(of('time'), created);
      of('.used').textContent = used ? _('last used on %(day)s', { day: new Date(`${used}T12:00`).toLocaleDateString(document.documentElement.lang) }) : _('never used');
    },
    actions: {
      delete: async ({ id }) => await ask({ title: _('Delete secret %(id)s?', { id }), text: _('Whoever came in by it is signed out.'), action: _('Delete') })
        && pottle.api('DELETE', `${group}/secrets/${id}`),
    },
  });
  submits(section.querySelector('form'), async () => {
    const { id, secret } = await pottle.api('POST', `${group}/secrets`);
    const shown = Object.assign(document.createElement('code'), { textContent: secret });
    section.querySelector('.fresh').replaceChildren(_('Secret %(id)s, shown this once: copy it to your site’s server now.', { id }), ' ', shown);
    await list.reload();
  });
  return list;
}
