/** What was done in a group. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { trail } from '../trail.js';
import { group, part } from './group.js';

trail(part('#trail'), pottle, `${group}/audit`).follow();

const period = part('#statements form');
if (period) {
  const now = new Date();
  const day = (date) => date.toISOString().slice(0, 10);
  period.elements.until.value = day(now);
  period.elements.since.value = day(new Date(now - 30 * 86_400_000));
  submits(period, (values) => location.assign(`${pottle.url}${group}/statements?${new URLSearchParams(values)}`));
}
