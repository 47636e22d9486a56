/** A post and its <article>, both ways. The markup itself is `article` in templates/_post.html. */
import { _, texts } from './texts.js';

const HUES = 6;
const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];

/** People's text within a sentence of ours: its direction is its own, and does not turn ours around. */
export const isolated = (text) => `\u2068${text}\u2069`;

const harmless = { createHTML: (text) => text };
let policy;

/** HTML that the server made harmless, as pages with Trusted Types want it. @throws {TypeError} where a page forbids our policy */
export function trusted(html) {
  policy ??= globalThis.trustedTypes?.createPolicy('pottle', harmless) ?? harmless;
  return policy.createHTML(html);
}

export const nameOf = ({ name, guest }) => name ?? guest ?? _('Anonymous');

/** The post that the server rendered; its `body` (the Markdown) is not in the page. */
export function read(article) {
  const { id, parent, version, state, replies, uid } = article.dataset;
  const { root } = article.closest('[data-root]')?.dataset ?? {};
  const name = article.querySelector('.author').textContent;
  const avatar = article.querySelector('.avatar img')?.src;
  const badge = article.querySelector('.rank')?.classList[2];
  const stamp = (place) => article.querySelector(`${place} time`)?.getAttribute('datetime');
  const kinds = (place, value) => Object.fromEntries([...article.querySelectorAll(`${place}[data-kind]`)].map((part) => [part.dataset.kind, value(part)]));
  return {
    id: Number(id), parent: Number(parent) || null, root: Number(root), version: Number(version), state, replies: Number(replies),
    author: article.querySelector('.guest') ? { guest: name } : { uid, name, avatar, badge }, html: article.querySelector('.body').innerHTML,
    reactions: kinds('.chip', (chip) => Number(chip.querySelector('.count').textContent)), created: stamp('.when'), edited: stamp('.edited'), ...kinds('.badge', () => true),
  };
}

/** A page of a thread as the server rendered it. @param {HTMLElement} section */
export function pageOf(section) {
  const { next, epoch, seq } = section.dataset;
  return { posts: [...section.querySelectorAll('.posts .post')].map(read), next: next || null, epoch, seq: Number(seq), section };
}

/**
 * Where things are found: `base` is the server's address; `here` is what links to posts of the same list begin with,
 * `post` to posts anywhere, however old.
 * @typedef {{base: string, here: string, post: string}} Links
 */

/**
 * Shows a post in its article. `parent` and `root` are as in templates/_post.html. @param {Links} links
 * @param {HTMLElement} model an article with all that there may be in one
 */
export function fill(article, post, { parent, root }, links, model) {
  const { author, state } = post;
  const removed = state === 'removed';
  article.id = links.here.slice(1) + post.id;
  article.classList.toggle('removed', removed);
  Object.assign(article.dataset, { id: post.id, parent: post.parent ?? '', version: post.version, state, replies: post.replies, uid: author.uid ?? '' });
  const lacks = { rank: !author.badge, guest: !author.guest, edited: !post.edited, context: !post.parent || post.parent === root.id };
  for (const { dataset: { kind } } of model.querySelectorAll('[data-kind]')) lacks[kind] = !(post[kind] || post.reactions[kind]);
  complete(article, model, lacks);
  for (const place of ['header', '.doing']) complete(article.querySelector(place), model.querySelector(place), lacks);
  const part = (selector) => article.querySelector(selector) ?? {};
  part('.avatar').replaceWith(avatar(author, links.base));
  Object.assign(part('.author'), { textContent: nameOf(author), title: author.uid ?? '' });
  Object.assign(part('.rank'), { className: `rank badge ${author.badge}`, textContent: author.badge === 'admin' ? _('admin') : _('moderator') });
  part('.when').href = links.post + post.id;
  setTime(part('.when time'), post.created);
  if (post.edited) setTime(part('.edited time'), post.edited);
  part('.context a').href = parent ? links.here + parent.id : links.post + post.parent;
  part('.context bdi').textContent = parent ? nameOf(parent.author) : _('an earlier post');
  part('.body').innerHTML = trusted(post.html || (removed ? `<p>${_('This post was removed.')}` : '')); // sanitised by the server
  for (const chip of article.querySelectorAll('.chip')) chip.querySelector('.count').textContent = post.reactions[chip.dataset.kind];
  part('.doing').hidden = removed;
}

/** Gives a place what its model has, in that order, but for what it `lacks`. What is there already stays, as does what others put there. */
function complete(place, model, lacks) {
  let last = null;
  for (const child of model.children) {
    const key = keyOf(child);
    let part = [...place.children].find((other) => keyOf(other) === key);
    if (lacks[key]) part?.remove();
    else {
      part ??= place.insertBefore(child.cloneNode(true), last ? last.nextSibling : place.firstChild);
      last = part;
    }
  }
}

const keyOf = ({ dataset, classList, localName }) => dataset.kind ?? dataset.do ?? classList[0] ?? localName;

function avatar(author, base) {
  const [letter] = author.uid || author.guest || '?';
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
  const [unit, length] = UNITS.find(([, size]) => -seconds >= size) ?? ['second', Infinity];
  return spoken().format(Math.round(seconds / length), unit);
}

let format = null;

function spoken() {
  if (format?.resolvedOptions().locale !== texts.language) format = new Intl.RelativeTimeFormat(texts.language, { numeric: 'auto' });
  return format;
}
