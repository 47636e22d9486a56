/** One's mail address: another one, and another link to confirm it. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';

const section = document.querySelector('#address');
const [form, asking] = section.querySelectorAll('form'); // the second one only where there is mail
const say = (of, what) => { of.querySelector('.saved').textContent = of.querySelector('.saved').dataset[what]; };

function show({ state, trouble }) {
  for (const place of section.querySelectorAll('[data-is]')) place.hidden = place.dataset.is !== state;
  section.querySelector('.trouble').textContent = trouble ?? '';
  asking.hidden = !['unproven', 'off'].includes(state);
  asking.querySelector('.saved').textContent = '';
}

submits(form, async ({ email }) => {
  const before = form.elements.email.defaultValue;
  const after = (await pottle.api('PATCH', '/api/me', { email: email ?? null })).email ?? '';
  form.elements.email.defaultValue = after;
  say(form, after && after !== before ? 'said' : 'none');
  if (asking) show(await pottle.api('GET', '/api/me/address'));
});
if (asking) submits(asking, async (_values, key) => {
  show(await pottle.api('POST', '/api/me/address', undefined, { idempotencyKey: key }));
  say(asking, 'said');
});
