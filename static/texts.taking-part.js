/** What a discussion says to those who take part in it: see texts.js. */
import { add } from './texts.js';

add({ en: {
  lock: 'Lock',
  unlock: 'Unlock',
  cannotBegin: 'You may not begin a discussion here.',
  changedMeanwhile: 'It was changed meanwhile. Please look at it again.',
  sureToDelete: (author) => `Delete this post by ${author}?`,
  withheld: { pending: 'Waiting for review', removed: 'Removed by a moderator' }, // what only its author sees
  unapproved: { pending: 'Your edit is waiting for review', removed: 'Your edit was not approved' },
  yourPost: 'Your post',
  yourReplyTo: (author) => `Your reply to ${author}`,
  save: 'Save',
  postOnItsOwn: 'Post on its own',
  lost: {
    reply: 'The post you are answering was removed. You can post your text on its own, or copy it.',
    edit: 'This post was removed. You can post your text anew, or copy it.',
  },
  noLongerSignedIn: 'You are no longer signed in. Your text stays here: sign in, and send it again.',
  windowRefused: 'Your browser did not open the window to sign in. Please allow it for this page.',

  fillIn: 'Please fill this in.',
  tooLong: (characters) => `Too long by ${characters}`,
  left: (characters) => `${characters} left`,
  characters: (count) => (count === 1 ? '1 character' : `${count.toLocaleString('en')} characters`),
  missingOrTooLong: 'Something is missing or too long.',
} });

export { texts } from './texts.js';
