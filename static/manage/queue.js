/** What waits for moderators: decided one by one or many at once, by buttons or keys, and undone. */
import { decide, undoes } from '../decisions.js';
import { ask } from '../dialogs.js';
import { Listing } from '../listing.js';
import { pottle } from '../pages.js';
import { askWhy } from '../reasons.js';
import { _, ngettext } from '../texts.js';
import { channelPage, part, slug } from './group.js';
import { judged } from './judged.js';

const section = part('#waiting');
const bulk = section.querySelector('.bulk');
const [all, approve, remove] = ['all', 'approve-many', 'remove-many'].map((name) => bulk.querySelector(`[data-do=${name}]`));
const again = () => waiting.reload();

const waiting = judged(section, 'pending', {
  approve: (post) => decide(pottle, [post], 'published', {}, again),
  async remove(post) {
    const why = await askWhy(post.edit ? { title: _('Decline the new text?'), action: _('Decline') } : { title: _('Remove the post?'), action: _('Remove') });
    return why ? decide(pottle, [post], 'removed', why, again) : false;
  },
});

// many at once

const boxOf = (element) => element.querySelector('.pick input');
const chosen = () => waiting.shown.filter(([element]) => boxOf(element).checked);

function look() {
  const many = waiting.shown.length;
  const some = chosen().length;
  bulk.hidden = many === 0;
  for (const [element] of waiting.shown) element.querySelector('.pick').hidden = many < 2;
  all.closest('label').hidden = many < 2;
  Object.assign(all, { checked: some === many, indeterminate: some > 0 && some < many });
  approve.textContent = some ? ngettext('Approve %(num)s', 'Approve %(num)s', some) : _('Approve all');
  remove.textContent = some ? ngettext('Remove %(num)s', 'Remove %(num)s', some) : _('Remove all');
}

/** Those that are chosen, else all that are shown. */
const meant = () => (chosen().length ? chosen() : waiting.shown).map(([, post]) => post);

approve.addEventListener('click', () => waiting.after(async () => {
  const posts = meant();
  const title = ngettext('Approve %(num)s post?', 'Approve all %(num)s posts?', posts.length);
  if (chosen().length || await ask({ title, text: _('Everybody sees them then.'), action: _('Approve') })) await decide(pottle, posts, 'published', {}, again);
}));
remove.addEventListener('click', () => waiting.after(async () => {
  const posts = meant();
  const why = await askWhy({ title: ngettext('Remove %(num)s post?', 'Remove %(num)s posts?', posts.length), action: _('Remove') });
  if (why) await decide(pottle, posts, 'removed', why, again);
}));
all.addEventListener('change', () => {
  waiting.shown.forEach(([element]) => { boxOf(element).checked = all.checked; });
  look();
});
section.addEventListener('change', look);
new MutationObserver(look).observe(section.querySelector('.items'), { childList: true });

// keys

const help = part('#keys');
help.querySelector('[data-close]').addEventListener('click', () => help.close());
bulk.querySelector('[data-do=keys]').addEventListener('click', () => help.showModal());

const rows = () => [...section.querySelectorAll('.items > .row')];
const here = () => document.activeElement.closest?.('#waiting .items > .row');
function go(by) {
  const list = rows();
  const at = list.indexOf(here());
  (list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)])?.focus();
}
const press = (name) => here()?.querySelector(`[data-do=${name}]`)?.click();

const KEYS = {
  j: () => go(1), k: () => go(-1), a: () => press('approve'), r: () => press('remove'), u: undoes, '?': () => help.showModal(),
  x: () => here() && boxOf(here()).click(),
};
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]');
  if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector('dialog[open]') || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// new discussions

const begun = new Listing(part('#begun'), pottle, {
  path: '/api/queue/channels', plural: 'channels',
  fill(of, { id, title, key, url, by, group }) {
    Object.assign(of('.title'), { href: channelPage(id), textContent: title });
    of('.key').textContent = key === title.toLowerCase() ? '' : key;
    of('.address').textContent = url ?? '';
    of('.in-group').textContent = slug ? '' : group;
    of('.by').textContent = by ? _('begun by %(name)s', { name: by }) : _('begun by a guest');
  },
  actions: {
    approve: ({ id, version }) => pottle.api('PATCH', `/api/channels/${id}`, { state: 'published' }, { ifMatch: `"${version}-0"` }),
    remove: async ({ id, title }) => await ask({ title: _('Delete “%(title)s” with all its posts?', { title }), text: _('Nobody can bring it back.'), action: _('Delete') })
      && pottle.api('DELETE', `/api/channels/${id}`),
  },
});
begun.query = { group: slug };

waiting.follow().then(() => { if (document.activeElement === document.body) go(0); });
begun.follow();
