/** A group's name and rules. */
import { submits } from '../forms.js';
import { _ } from '../texts.js';
import { change, part } from './group.js';

if (document.querySelector('#held')) import('./held.js');

const form = part('#rules form');
submits(form, async () => {
  const { name, reading, posting, review, anonymous, images } = form.elements;
  await change({
    name: name.value, reading: reading.value, posting: posting.value, review: review.value,
    anonymous: anonymous?.checked, images: images?.checked,  // only discussions have them
  });
  part('.managing .channel-title').textContent = name.value;
  part('#rules .saved').textContent = _('Saved.');
});
form.addEventListener('input', () => { part('#rules .saved').textContent = ''; });
