/**
 * What a discussion says by itself, in one place: a language more is a catalogue more. Markup of the server has its own words.
 *
 * A page speaks one language, so it is said once (`speak`), and not at each place.
 */

const en = {
  justNow: 'just now',
  removed: 'This post was removed.',
  inReplyTo: 'in reply to',
  inReplyToEarlier: 'in reply to an earlier post',
  withheld: { pending: 'Waiting for review', removed: 'Removed by a moderator' }, // what only its author sees
  unapproved: { pending: 'Your edit is waiting for review', removed: 'Your edit was not approved' },

  newBy: (author) => `New post by ${author}`,
  newPosts: (count) => (count === 1 ? '1 new post' : `${count} new posts`),
  unreadable: 'This conversation cannot be read.',
  muchPosted: 'Much is being posted just now. Please try again.',
  states: {
    connecting: '', live: 'Live', resetting: 'Catching up…', reconnecting: 'Connection lost, reconnecting…', 'signed-out': 'You have been signed out.',
    gone: 'This discussion is gone, or no longer for you. Copy what you have typed before you leave.', failed: 'No live updates here. Reload the page to try again.',
  },

  lock: 'Lock',
  unlock: 'Unlock',
  changedMeanwhile: 'It was changed meanwhile. Please look at it again.',
  sureToDelete: (author) => `Delete this post by ${author}?`,
  yourPost: 'Your post',
  yourReplyTo: (author) => `Your reply to ${author}`,
  save: 'Save',
  postOnItsOwn: 'Post on its own',
  lost: {
    reply: 'The post you are answering was removed. You can post your text on its own, or copy it.',
    edit: 'This post was removed. You can post your text anew, or copy it.',
  },
  noLongerSignedIn: 'You are no longer signed in. Your text stays here: sign in, and send it again.',

  fillIn: 'Please fill this in.',
  tooLong: (characters) => `Too long by ${characters}`,
  left: (characters) => `${characters} left`,
  characters: (count) => (count === 1 ? '1 character' : `${count.toLocaleString('en')} characters`),
  missingOrTooLong: 'Something is missing or too long.',
};

const CATALOGUES = { en };

/** The words of the page's language; English where there is no catalogue for it. */
export let texts = en;

/** The language that times are said in (BCP 47). */
export let language = 'en';

/** @param {string} tag such as `de` or `pt-BR` */
export function speak(tag) {
  [language] = Intl.DateTimeFormat.supportedLocalesOf(tag);
  language ??= 'en';
  texts = CATALOGUES[tag] ?? CATALOGUES[tag.split('-')[0]] ?? en;
}
