/** What waits for moderators: decided one by one or many at once, by buttons or keys, and undone. */
import { decide, undoes } from '../decisions.js';
import { ask } from '../dialogs.js';
import { Listing } from '../listing.js';
import { pottle } from '../pages.js';
import { askWhy } from '../reasons.js';
import { _, ngettext } from '../texts.js';
import { toast } from '../toast.js';
import { nameOf } from '../view.js';
import { channelPage, page, part, slug } from './group.js';
import { judged } from './judged.js';
import { blockNetwork, showHistory, showNotes } from './person.js';

const { state } = page.dataset;
const section = part('#waiting');
const bulk = section.querySelector('.bulk');
const [all, approve, remove] = ['all', 'approve-many', 'remove-many'].map((name) => bulk.querySelector(`[data-do=${name}]`));
const again = () => waiting.reload();
const approves = (post) => decide(pottle, [post], 'published', {}, again);

const waiting = judged(section, state, {
  approve: approves,
  restore: approves,
  async remove(post) {
    const why = await askWhy(post.edit?.state === 'pending' ? { title: _('Decline the new text?'), action: _('Decline') } : { title: _('Remove the post?'), action: _('Remove') });
    return why ? decide(pottle, [post], 'removed', why, again) : false;
  },
  async history({ place, author }) {
    await showHistory(pottle, place.group, author.uid);
    return false;
  },
  async block({ id, place, author }) {
    if (await blockNetwork(pottle, place.group, id, nameOf(author))) toast({ text: _('Nobody can write from there now.') });
    return false;
  },
  note: ({ id, place, author }) => showNotes(pottle, place.group, id, nameOf(author)),
});

// many at once

const boxOf = (element) => element.querySelector('.pick input');
const chosen = () => waiting.shown.filter(([element]) => boxOf(element).checked);

const words = {
  pending: (some) => (some ? ngettext('Approve %(num)s', 'Approve %(num)s', some) : _('Approve all')),
  reported: (some) => (some ? ngettext('Keep %(num)s', 'Keep %(num)s', some) : _('Keep all')),
  removed: (some) => (some ? ngettext('Restore %(num)s', 'Restore %(num)s', some) : _('Restore all')),
};
const ASKED = {
  pending: (many) => ({ title: ngettext('Approve %(num)s post?', 'Approve all %(num)s posts?', many), text: _('Everybody sees them then.'), action: _('Approve') }),
  reported: (many) => ({ title: ngettext('Keep %(num)s post?', 'Keep all %(num)s posts?', many), text: _('Their reports are closed.'), action: _('Keep') }),
  removed: (many) => ({ title: ngettext('Restore %(num)s post?', 'Restore all %(num)s posts?', many), text: _('Everybody sees them then.'), action: _('Restore') }),
};

function look() {
  const many = waiting.shown.length;
  const some = chosen().length;
  bulk.hidden = many === 0;
  for (const [element] of waiting.shown) element.querySelector('.pick').hidden = many < 2;
  all.closest('label').hidden = many < 2;
  Object.assign(all, { checked: some === many, indeterminate: some > 0 && some < many });
  approve.textContent = words[state](some);
  if (remove) remove.textContent = some ? ngettext('Remove %(num)s', 'Remove %(num)s', some) : _('Remove all');
}

/** Those that are chosen, else all that are shown. */
const meant = () => (chosen().length ? chosen() : waiting.shown).map(([, post]) => post);

approve.addEventListener('click', () => waiting.after(async () => {
  const posts = meant();
  if (chosen().length || await ask(ASKED[state](posts.length))) await decide(pottle, posts, 'published', {}, again);
}));
remove?.addEventListener('click', () => waiting.after(async () => {
  const posts = meant();
  const why = await askWhy({ title: ngettext('Remove %(num)s post?', 'Remove %(num)s posts?', posts.length), action: _('Remove') });
  if (why) await decide(pottle, posts, 'removed', why, again);
}));
all.addEventListener('change', () => {
  waiting.shown.forEach(([element]) => { boxOf(element).checked = all.checked; });
  look();
});
section.addEventListener('change', look);

/** With Shift all between the one that was chosen last and this one are, too. */
let last = null;
section.addEventListener('click', (event) => {
  const box = event.target.closest('.pick input');
  if (!box) return;
  const boxes = waiting.shown.map(([element]) => boxOf(element));
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
  if (event.shiftKey && from >= 0) boxes.slice(from, to + 1).forEach((between) => { between.checked = box.checked; });
  last = box;
  look();
});
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

function choose(shiftKey) {
  if (here()) boxOf(here()).dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey }));
}

const KEYS = {
  j: () => go(1), k: () => go(-1), a: () => press(state === 'removed' ? 'restore' : 'approve'), r: () => press('remove'), u: undoes, '?': () => help.showModal(),
  h: () => press('history'), n: () => press('note'), x: () => choose(false), X: () => choose(true),
};
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]');
  if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector('dialog[open]') || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// new discussions

const begun = part('#begun') && new Listing(part('#begun'), pottle, {
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
if (begun) begun.query = { group: slug };

waiting.follow().then(() => { if (document.activeElement === document.body) go(0); });
begun?.follow();
