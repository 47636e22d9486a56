/** One's password. */
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
