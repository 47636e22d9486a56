/** One's name and picture. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { choosesPicture } from '../picture.js';
import './address.js';

const profile = document.querySelector('#profile > form');
submits(profile, async (values) => {
  const { name } = await pottle.api('PATCH', '/api/me', values);
  profile.elements.name.defaultValue = name;
  document.querySelectorAll('.me, .heading .name').forEach((shown) => { shown.textContent = name; });
  const saved = profile.querySelector('.saved');
  saved.textContent = saved.dataset.said;
});
choosesPicture(document.querySelector('#profile .picture'), pottle);
