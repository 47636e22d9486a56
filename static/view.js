/** A post and its <article>, both ways. The markup itself is `article` in templates/_post.html. */

const HUES = 6;
const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];
const spoken = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** People's text within a sentence of ours: its direction is its own, and does not turn ours around. */
export const isolated = (text) => `\u2068${text}\u2069`;

const WITHHELD = { pending: 'Waiting for review', removed: 'Removed by a moderator' }; // what only its author sees
const UNAPPROVED = { pending: 'Your edit is waiting for review', removed: 'Your edit was not approved' };

export const nameOf = ({ name, guest }) => name ?? guest;

/** The post that the server rendered; its `body` (the Markdown) is not in the page. */
export function read(article) {
  const { id, parent, version, state, replies, uid } = article.dataset;
  const name = article.querySelector('.author').textContent;
  const avatar = article.querySelector('.avatar img')?.src ?? null;
  const badge = article.querySelector('.rank').textContent || undefined;
  const stamp = (place) => article.querySelector(`${place} time`).getAttribute('datetime') || null;
  const chips = [...article.querySelectorAll('.chip')].map((chip) => [chip.dataset.kind, Number(chip.querySelector('.count').textContent)]);
  return {
    id: Number(id), parent: Number(parent) || null, version: Number(version), state, replies: Number(replies),
    author: uid ? { uid, name, avatar, badge } : { guest: name }, html: article.querySelector('.body').innerHTML,
    reactions: Object.fromEntries(chips.filter(([, count]) => count)), created: stamp('.when'), edited: stamp('.edited'),
  };
}

/** Shows a post in its article. `parent` and `root` are as in templates/_post.html, `base` is the server's address. */
export function fill(article, post, { parent, root }, base) {
  const { author, state } = post;
  const removed = state === 'removed';
  article.id = `p${post.id}`;
  article.classList.toggle('removed', removed);
  Object.assign(article.dataset, { id: post.id, parent: post.parent ?? '', version: post.version, state, replies: post.replies, uid: author.uid ?? '' });
  const part = (selector) => article.querySelector(selector);
  part('.slot-avatar').replaceChildren(avatar(author, base));
  Object.assign(part('.author'), { textContent: nameOf(author), title: author.uid ?? '' });
  part('.rank').textContent = author.badge ?? '';
  part('.guest').hidden = 'uid' in author;
  part('.when').href = addressOf(post.id, base);
  setTime(part('.when time'), post.created);
  part('.edited').hidden = !post.edited;
  setTime(part('.edited time'), post.edited ?? '');
  part('.waiting').textContent = state === 'published' || !post.html ? '' : WITHHELD[state];
  part('footer').hidden = removed;
  if (removed && !post.html) part('.body').replaceChildren(paragraph('This post was removed.'));
  else part('.body').innerHTML = post.html; // sanitised by the server; nothing else here is HTML
  fillContext(part('.context'), post, parent, root, base);
  for (const chip of article.querySelectorAll('.chip')) fillChip(chip, post.reactions[chip.dataset.kind] ?? 0);
}

/** Where a post is found in its conversation, however old it is. */
export const addressOf = (post, base) => `${base}/posts/${post}`;

function fillContext(context, post, parent, root, base) {
  context.hidden = !post.parent || post.parent === root.id;
  const link = Object.assign(document.createElement('a'), { href: parent ? `#p${parent.id}` : addressOf(post.parent, base) });
  if (parent) link.append('in reply to ', Object.assign(document.createElement('bdi'), { textContent: nameOf(parent.author) }));
  else link.textContent = 'in reply to an earlier post';
  context.replaceChildren(link);
}

function fillChip(chip, count) {
  chip.querySelector('.count').textContent = count || '';
  chip.classList.toggle('none', !count);
}

/** What depends on who is looking: own reactions, an own `edit` that is not approved, and what one may do. */
export function personalise(article, { mine, moderates, locked, marks, withheld, edit }) {
  for (const chip of article.querySelectorAll('.chip')) {
    chip.disabled = false;
    chip.setAttribute('aria-pressed', String(marks.has(chip.dataset.kind)));
  }
  const shut = locked && !moderates;
  const { state } = article.dataset;
  const removed = state === 'removed';
  const open = state === 'published' && !shut;
  const allow = { pick: open, reply: open, edit: mine && !shut && !removed, withdraw: Boolean(edit), remove: (mine || moderates) && (!removed || withheld), restore: moderates && removed };
  article.querySelector('footer').hidden = removed && !moderates && !withheld;
  article.querySelector('.unapproved').textContent = edit ? UNAPPROVED[edit.state] : '';
  for (const [name, allowed] of Object.entries(allow)) article.querySelector(`[data-do=${name}]`).hidden = !allowed;
}

function avatar(author, base) {
  const [letter] = author.uid ?? (author.guest || '?');
  const place = Object.assign(document.createElement('span'), { ariaHidden: 'true' });
  place.className = `avatar hue-${author.uid ? hue(author.uid) : 'none'}`;
  if (!author.avatar) place.textContent = letter.toUpperCase();
  else place.append(Object.assign(new Image(40, 40), { alt: '', loading: 'lazy', src: new URL(author.avatar, base) }));
  return place;
}

/** As `hue` in api/talk/pages.py. */
const hue = (uid) => [...uid.toLowerCase()].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES;

const paragraph = (text) => Object.assign(document.createElement('p'), { textContent: text });

function setTime(time, stamp) {
  time.setAttribute('datetime', stamp);
  tick(time);
}

/** Makes the times in a part of the page relative; call it now and then. */
export function tickAll(root = document) {
  root.querySelectorAll('time[datetime]').forEach(tick);
}

function tick(time) {
  const date = new Date(time.getAttribute('datetime'));
  if (Number.isNaN(date.getTime())) return;
  time.title = date.toLocaleString();
  time.textContent = ago((date - Date.now()) / 1000);
}

/** A server's clock may be a little ahead of ours: the future is now. */
export function ago(seconds) {
  const [unit, length] = UNITS.find(([, size]) => -seconds >= size) ?? [];
  return unit ? spoken.format(Math.round(seconds / length), unit) : 'just now';
}
