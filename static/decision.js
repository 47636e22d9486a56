/** A decision on one's own post: the appeal against it, and the answer as soon as there is one. */
import { submits } from './forms.js';
import { pottle } from './pages.js';
import { texts } from './texts.js';

const page = document.querySelector('.decision');
const path = `/api/me/decisions/${page.dataset.id}`;
const form = page.querySelector('form');

for (const day of page.querySelectorAll('[data-day]')) day.textContent = new Date(day.dataset.day).toLocaleDateString(texts.language);
if (form) submits(form, async (values) => { await pottle.api('PUT', `${path}/appeal`, values); location.reload(); });

let shown = null;
pottle.watch(path, ({ appeal, ended }) => {
  const now = JSON.stringify([appeal?.state, ended]);
  if (shown !== null && shown !== now && !form?.elements.text.value) location.reload();
  shown = now;
});
