/** On a group's page: its secrets for single sign-on. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing, at } from './listing.js';

/** @param {(answer: Promise) => Promise<void>} noted waits for an answer, and then shows what was done */
export function showSecrets(section, pottle, group, noted) {
  const list = new Listing(section, pottle, {
    path: `${group}/secrets`, plural: 'secrets',
    fill(of, { id, created, used }) {
      of('.number').textContent = `Number ${id}`;
      at(of('time'), created);
      of('.used').textContent = used ? `last used on ${new Date(`${used}T12:00`).toLocaleDateString()}` : 'never used';
    },
    actions: {
      delete: async ({ id }) => await ask({ title: `Delete secret ${id}?`, text: 'Whoever came in by it is signed out.', action: 'Delete' })
        && noted(pottle.api('DELETE', `${group}/secrets/${id}`)),
    },
  });
  submits(section.querySelector('form'), async () => {
    const { id, secret } = await pottle.api('POST', `${group}/secrets`);
    const shown = Object.assign(document.createElement('code'), { textContent: secret });
    section.querySelector('.fresh').replaceChildren(`Secret ${id}, shown this once: copy it to your site’s server now. `, shown);
    await Promise.all([list.reload(), noted(Promise.resolve())]);
  });
  return list;
}
