/** One's password. */
import { acts } from '../acting.js';
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { _ } from '../texts.js';
import { sessions } from './sessions.js';

const part = (selector) => document.querySelector(selector);

submits(part('#password form'), async (values) => {
  await pottle.api('PATCH', '/api/me', values);
  part('#password form').reset();
  part('#password .saved').textContent = _('Changed.');
  await sessions.reload();
});

const remove = part('#password [data-do=remove]');
if (remove) {
  acts(remove, part('#password form'), async () => {
    if (!await ask({ title: remove.dataset.asks, action: remove.textContent })) return;
    await pottle.api('DELETE', '/api/me/password');
    location.reload();
  });
}
