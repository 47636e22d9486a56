/**
 * What a discussion says by itself: a language more is a catalogue more, here, in texts.taking-part.js, and with what is seldom needed. Markup of the
 * server has its own words.
 *
 * A page speaks one language, so it is said once (`speak`), and not at each place.
 */

const CATALOGUES = { en: {
  anonymous: 'Anonymous',
  removed: 'This post was removed.',
  earlierPost: 'an earlier post', // as in “in reply to …”
  newBy: (author) => `New post by ${author}`,
  newPosts: (count) => (count === 1 ? '1 new post' : `${count} new posts`),
  states: {
    connecting: '', live: 'Live', resetting: 'Catching up…', reconnecting: 'Connection lost, reconnecting…', 'signed-out': 'You have been signed out.',
    gone: 'This discussion is gone, or no longer for you. Copy what you have typed before you leave.', failed: 'No live updates here. Reload the page to try again.',
  },

  tally: (count) => (count === 0 ? 'Discussion' : count === 1 ? '1 post' : `${count.toLocaleString(texts.language)} posts`),
  unreachable: 'The discussion cannot be reached just now.',
  tryAgain: 'Try again',
  loadAgain: 'Please load the page again. What you have typed stays.',
  notForYou: 'There is no such discussion, or it is for members only.',
  signIn: 'Sign in',
} };

/** The words of the page's language, and that `language` (BCP 47), in which times are said. */
export const texts = { language: 'en', ...CATALOGUES.en };

/** Takes the words of a language where there is a catalogue of it, else English ones; times are told in it anyway. @param {string} tag such as `pt-BR` */
export function speak(tag) {
  let language = 'en';
  try {
    [language = 'en'] = Intl.DateTimeFormat.supportedLocalesOf(tag);
  } catch { /* no tag of a language */ }
  const { en } = CATALOGUES;
  Object.assign(texts, en, CATALOGUES[language] ?? CATALOGUES[language.split('-')[0]], { language });
}

/** Adds words to the catalogues. */
export function add(catalogues) {
  for (const [tag, words] of Object.entries(catalogues)) CATALOGUES[tag] = { ...CATALOGUES[tag], ...words };
  speak(texts.language);
}
