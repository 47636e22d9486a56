/** New discussions. */
import { isTyped, submits } from './forms.js';
import { _ } from './texts.js';

/**
 * Begins a discussion; the Problem of one that is there already leads to it.
 * @param {string} page the address of a discussion, with 0 for its id
 */
export async function begin(pottle, group, title, page) {
  const at = (id) => page.replace(/0(?=\/?$)/, id);
  try {
    const { id } = await pottle.api('POST', `/api/groups/${group}/channels`, { title });
    return at(id);
  } catch (problem) {
    if (problem.channel) problem.offer = { href: at(problem.channel.id), textContent: _('Go to “%(title)s”', { title: problem.channel.title }) };
    throw problem;
  }
}

/** The form that begins a discussion. */
export function beginning(form, pottle, account) {
  const show = () => { form.hidden = !account.me && !isTyped(form); };
  account.onChange(show);
  show();
  submits(form, async ({ title }) => location.assign(await begin(pottle, form.dataset.group, title, form.dataset.page)));
}
