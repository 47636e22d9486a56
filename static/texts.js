/**
 * Texts in the page's language. Code says them in English, where they are needed: `_('New post by %(author)s', { author })`. Other languages are a
 * module each, of the same catalogues that the server's texts are in (docs/languages.md).
 */

let messages; let plural;

/** The page's `language` (BCP 47), in which dates, times and numbers are said. */
export const texts = {};

/**
 * A page speaks one language, so it is said once, and not at each place.
 * @param {string} tag such as `pt-BR` @param {object} [catalogue] of that language; else all is English, but for dates and times
 */
export function speak(tag, catalogue = {}) {
  ({ messages = {}, plural = (num) => num !== 1 } = catalogue);
  try {
    texts.language = new Intl.DateTimeFormat(tag).resolvedOptions().locale;
  } catch {
    texts.language = 'en'; // that is no tag of a language
  }
}
speak('en');

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (place, name) => values[name]);

/** A text; values stand in it as `%(name)s`. */
export const _ = (message, values) => filled(messages[message] ?? message, values);

/** A text with a number: `ngettext('%(num)s post', '%(num)s posts', count)`. */
export const ngettext = (one, many, num, values) =>
  filled(messages[one]?.[+plural(num)] ?? (num === 1 ? one : many), { num: num.toLocaleString(texts.language), ...values });
