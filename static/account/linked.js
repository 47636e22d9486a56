/** Accounts at Google and the like that one signs in with. */
import { ask } from '../dialogs.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { _, texts } from '../texts.js';

const section = document.querySelector('#linked');
if (section) begin();

function begin() {
  const linked = new Listing(section, pottle, {
    path: '/api/me/providers', plural: 'accounts',
    fill(of, { label, shown, created, used }) {
      of('.label').textContent = label;
      of('.shown').textContent = shown;
      at(of('time'), created);
      of('.used').textContent = used ? new Date(`${used}T12:00`).toLocaleDateString(texts.language) : _('a day that is not known');
    },
    actions: { remove: async ({ id, label, shown }, button) => await ask({ title: button.dataset.asks, text: `${label} ${shown}`, action: button.textContent })
      && pottle.api('DELETE', `/api/me/providers/${id}`) },
  });
  linked.follow();
  for (const button of section.querySelectorAll('[data-provider]')) {
    button.disabled = false;
    button.addEventListener('click', () => add(button));
  }
}

async function add(button) {
  const refused = section.querySelector('.form-error');
  refused.hidden = true;
  button.disabled = true;
  try {
    const { url } = await pottle.api('POST', `/api/providers/${button.dataset.provider}/link`);
    location.assign(url);
  } catch (problem) {
    Object.assign(refused, { textContent: problem.message, hidden: false });
  } finally {
    button.disabled = false;
  }
}
