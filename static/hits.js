/** What is found, as options of a combobox: for our pages, and for those of other sites. */
import { got } from './pottle/getting.js';
import { made, trusted } from './view.js';

const BEGUN = /(?:^|\s)-?[\p{L}\p{N}]{2,}$/u;

/** What somebody is typing: its last word may go on. */
export const begun = (text) => (BEGUN.test(text) && (text.match(/"/g)?.length ?? 0) % 2 === 0 ? `${text}*` : text);

/** @returns {Promise<object>} the answer of `/api/search` for whoever is reading @throws {Error} also when it was aborted */
export const searched = (line, query, signal) => got(line, `/api/search?${new URLSearchParams(query)}`, signal);

/** Options below a heading; nothing without any. @returns {HTMLElement[]} */
export function part(title, options) {
  if (options.length === 0) return [];
  const group = made('div', { className: 'kind', role: 'group' });
  if (title) group.ariaLabel = title;
  if (title) group.append(made('p', { textContent: title, ariaHidden: 'true' }));
  group.append(...options);
  return [group];
}

/** An option that leads somewhere. @param {Element} [words] what stands in the post there */
export function row(href, title, words, about) {
  const option = made('a', { href, role: 'option', className: 'hit' });
  option.append(made('bdi', { className: 'title', textContent: title }));
  if (words) option.append(words, made('span', { className: 'where', textContent: about }));
  return option;
}

/** Words in place of options, which are said as well. */
export const told = (says) => ({ parts: [made('p', { className: 'none', ariaHidden: 'true', textContent: says })], says });

/** An excerpt with its marks. @param {string} html of the server, which made it harmless */
export function excerpt(html) {
  const words = made('span', { className: 'words', dir: 'auto' });
  words.innerHTML = trusted(html);
  return words;
}
