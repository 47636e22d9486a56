/** The field in the header, in which posts and discussions are found while somebody types; Enter leads to all that is found. */
import { Combobox } from './combobox.js';
import { begun, excerpt, part, row, searched, told } from './hits.js';
import { onKey } from './keys.js';
import { _, ngettext } from './texts.js';
import { ago, made, nameOf } from './view.js';

const MOST = { titles: 3, posts: 6 };

/** @param {HTMLFormElement} form with a field `q` */
export function start(form, pottle) {
  const field = form.elements.q;
  onKey('/', _('Search'), () => { open(form); field.select(); });
  if (form.id !== 'searching') return;
  const list = made('div', { className: 'finds', ariaLabel: _('Search') });
  const said = made('span', { className: 'visually-hidden', role: 'status' });
  form.append(list, said);
  const of = new Finding(form, pottle);
  new Combobox(field, list, said, { begin: (text) => of.begin(text), find: (text, signal) => of.find(text, signal) });
  opens(form);
}

class Finding {
  #form; #pottle;

  constructor(form, pottle) {
    this.#form = form;
    this.#pottle = pottle;
  }

  /** Ways to all results, here first; and discussions that are called so. */
  begin(text) {
    const { group, name } = this.#form.dataset;
    const inside = group && !/(^|\s)in:/.test(text);
    const rows = [this.#all(text, inside ? _('Search everywhere') : _('All results'))];
    if (inside) rows.unshift(this.#all(`${text} in:${group}`, _('Search in %(group)s', { group: name })));
    return [...rows, ...part(_('Discussions'), titled(text))];
  }

  #all(text, said) {
    const option = row(`${this.#form.action}?${new URLSearchParams({ q: text })}`, said);
    option.classList.add('all');
    option.prepend(this.#form.querySelector('svg').cloneNode(true));
    return option;
  }

  /** The newest posts, those of the page's group first. */
  async find(text, signal) {
    const { group, name } = this.#form.dataset;
    const ask = async (query) => (await searched(this.#pottle.line, { q: begun(text), limit: MOST.posts, ...query }, signal)).results;
    const here = group ? await ask({ group }) : [];
    const known = new Set(here.map(({ post }) => post.id));
    const others = here.length < MOST.posts ? (await ask({})).filter(({ post }) => !known.has(post.id)).slice(0, MOST.posts - here.length) : [];
    const count = here.length + others.length;
    const says = count ? ngettext('%(num)s post was found', '%(num)s posts were found', count) : _('No post has that in it.');
    const parts = [...part(group && _('In %(group)s', { group: name }), here.map((hit) => this.#hit(hit))),
      ...part(group ? _('Elsewhere') : _('Posts'), others.map((hit) => this.#hit(hit)))];
    return count ? { parts, says } : told(says);
  }

  #hit({ post, place, excerpt: html }) {
    const words = excerpt(html);
    const found = new Set([...words.querySelectorAll('mark')].map(({ textContent }) => textContent));
    const query = new URLSearchParams([['at', post.id], ...[...found].slice(0, 5).map((word) => ['word', word])]);
    const seconds = (new Date(post.created) - Date.now()) / 1000;
    return row(`${this.#pottle.url}/channels/${post.channel}?${query}#p${post.id}`, place.title, words, `${nameOf(post.author)} · ${ago(seconds)}`);
  }
}

/** Groups and discussions that stand beside the page and have all of these words. */
function titled(text) {
  const words = text.toLowerCase().split(/\s+/);
  const links = [...document.querySelectorAll('.sidebar .of-group a:has(.title)')];
  const fits = links.filter((link) => words.every((word) => link.querySelector('.title').textContent.toLowerCase().includes(word)));
  return fits.slice(0, MOST.titles).map((link) => row(link.href, link.querySelector('.title').textContent));
}

/** On telephones, a link opens it over the header; it closes when it is left. */
function opens(form) {
  const link = document.querySelector('.opens-search');
  link.addEventListener('click', (event) => {
    event.preventDefault();
    open(form);
  });
  form.addEventListener('keydown', ({ key, defaultPrevented }) => { if (key === 'Escape' && !defaultPrevented) form.elements.q.blur(); });
  form.addEventListener('focusout', ({ relatedTarget }) => { if (!form.contains(relatedTarget)) form.classList.remove('open'); });
}

function open(form) {
  form.classList.add('open');
  form.elements.q.focus();
}
