/** Tokens for one's programs. */
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';

const part = (selector) => document.querySelector(selector);

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
tokens.follow();
