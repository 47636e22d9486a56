/** A post and its <article>, both ways. The markup itself is `article` in templates/_post.html. */
import { texts } from './texts.js';

const HUES = 6;
const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];

/** People's text within a sentence of ours: its direction is its own, and does not turn ours around. */
export const isolated = (text) => `\u2068${text}\u2069`;

let policy = null;

/** HTML that the server made harmless, as pages with Trusted Types want it. @throws {TypeError} where a page forbids our policy */
export function trusted(html) {
  policy ??= globalThis.trustedTypes?.createPolicy('pottle', { createHTML: (text) => text }) ?? { createHTML: (text) => text };
  return policy.createHTML(html);
}

export const nameOf = ({ name, guest }) => name ?? guest;

/** The post that the server rendered; its `body` (the Markdown) is not in the page. */
export function read(article) {
  const { id, parent, version, state, replies, uid } = article.dataset;
  const { root } = article.closest('[data-root]')?.dataset ?? {};
  const name = article.querySelector('.author').textContent;
  const avatar = article.querySelector('.avatar img')?.src ?? null;
  const badge = article.querySelector('.rank').textContent || undefined;
  const stamp = (place) => article.querySelector(`${place} time`).getAttribute('datetime') || null;
  const chips = [...article.querySelectorAll('.chip')].map((chip) => [chip.dataset.kind, Number(chip.querySelector('.count').textContent)]);
  return {
    id: Number(id), parent: Number(parent) || null, root: Number(root), version: Number(version), state, replies: Number(replies),
    author: uid ? { uid, name, avatar, badge } : { guest: name }, html: article.querySelector('.body').innerHTML,
    reactions: Object.fromEntries(chips.filter(([, count]) => count)), created: stamp('.when'), edited: stamp('.edited'),
  };
}

/**
 * Where things are found: `base` is the server's address; `here` is what links to posts of the same list begin with,
 * `post` to posts anywhere, however old.
 * @typedef {{base: string, here: string, post: string}} Links
 */

/** Shows a post in its article. `parent` and `root` are as in templates/_post.html. @param {Links} links */
export function fill(article, post, { parent, root }, links) {
  const { author, state } = post;
  const removed = state === 'removed';
  article.id = links.here.slice(1) + post.id;
  article.classList.toggle('removed', removed);
  Object.assign(article.dataset, { id: post.id, parent: post.parent ?? '', version: post.version, state, replies: post.replies, uid: author.uid ?? '' });
  const part = (selector) => article.querySelector(selector);
  part('.slot-avatar').replaceChildren(avatar(author, links.base));
  Object.assign(part('.author'), { textContent: nameOf(author), title: author.uid ?? '' });
  part('.rank').textContent = author.badge ?? '';
  part('.guest').hidden = 'uid' in author;
  part('.when').href = links.post + post.id;
  setTime(part('.when time'), post.created);
  part('.edited').hidden = !post.edited;
  setTime(part('.edited time'), post.edited ?? '');
  part('.waiting').textContent = state === 'published' || !post.html ? '' : texts.withheld[state];
  part('footer').hidden = removed;
  if (removed && !post.html) part('.body').replaceChildren(made('p', { textContent: texts.removed }));
  else part('.body').innerHTML = trusted(post.html); // sanitised by the server; nothing else here is HTML
  fillContext(part('.context'), post, parent, root, links);
  for (const chip of article.querySelectorAll('.chip')) fillChip(chip, post.reactions[chip.dataset.kind] ?? 0);
}

function fillContext(context, post, parent, root, links) {
  context.hidden = !post.parent || post.parent === root.id;
  const link = made('a', { href: parent ? links.here + parent.id : links.post + post.parent });
  if (parent) link.append(texts.inReplyTo, ' ', made('bdi', { textContent: nameOf(parent.author) }));
  else link.textContent = texts.inReplyToEarlier;
  context.replaceChildren(link);
}

function fillChip(chip, count) {
  chip.querySelector('.count').textContent = count || '';
  chip.classList.toggle('none', !count);
}

function avatar(author, base) {
  const [letter] = author.uid ?? (author.guest || '?');
  const place = made('span', { ariaHidden: 'true', className: `avatar hue-${author.uid ? hue(author.uid) : 'none'}` });
  if (!author.avatar) place.textContent = letter.toUpperCase();
  else place.append(made('img', { alt: '', width: 40, height: 40, loading: 'lazy', src: new URL(author.avatar, base) }));
  return place;
}

/** As `hue` in api/talk/pages.py. */
const hue = (uid) => [...uid.toLowerCase()].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES;

/** A new element. */
export const made = (name, fields) => Object.assign(document.createElement(name), fields);

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
  time.title = date.toLocaleString(texts.language);
  time.textContent = ago((date - Date.now()) / 1000);
}

/** A server's clock may be a little ahead of ours: the future is now. */
export function ago(seconds) {
  const [unit, length] = UNITS.find(([, size]) => -seconds >= size) ?? [];
  return unit ? spoken().format(Math.round(seconds / length), unit) : texts.justNow;
}

let format = null;

function spoken() {
  if (format?.resolvedOptions().locale !== texts.language) format = new Intl.RelativeTimeFormat(texts.language, { numeric: 'auto' });
  return format;
}
