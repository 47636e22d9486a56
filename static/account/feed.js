/** The secret address of the feed of replies, which is shown when it is made, and then never again. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { unless } from '../pottle/asking.js';
import { _ } from '../texts.js';

const form = document.querySelector('#feed form');
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
