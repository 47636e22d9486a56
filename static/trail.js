/** The activity log in words. The actions are those of docs/administration.md. */
import { Listing, at } from './listing.js';
import { reasons } from './reasons.js';
import { _ } from './texts.js';

/** What was done to `subject`; where `detail` is not in a sentence it stands behind it. */
const sentences = (subject, detail) => ({
  'user.created': _('made the account %(subject)s', { subject }),
  'user.role': _('gave %(subject)s the role %(detail)s', { subject, detail }),
  'user.disabled': _('disabled %(subject)s', { subject }),
  'user.enabled': _('enabled %(subject)s', { subject }),
  'user.deleted': _('deleted the account %(subject)s', { subject }),
  'password.changed': _('changed the password of %(subject)s', { subject }),
  'password.link': _('made a password link for %(subject)s', { subject }),
  'password.mailed': _('had a password link be mailed to %(subject)s', { subject }),
  'password.code': _('made a new code for %(subject)s', { subject }),
  'password.reset': _('chose a new password for %(subject)s by a code', { subject }),
  'token.made': _('made a token'),
  'token.deleted': _('deleted a token'),
  'passkey.added': _('added the passkey %(detail)s', { detail }),
  'passkey.deleted': _('deleted the passkey %(detail)s', { detail }),
  'passkey.copied': _('was refused by the passkey %(detail)s, of which there may be a copy', { detail }),
  'password.removed': _('took the password off'),
  'second.on': _('set up a second step'),
  'second.off': _('switched the second step off'),
  'second.reset': _('took the second step of %(subject)s off', { subject }),
  'recovery.renewed': _('made new recovery codes'),
  'recovery.used': _('used a recovery code'),
  'provider.linked': _('added an account to sign in to %(subject)s with', { subject }),
  'provider.unlinked': _('took off an account that signed in to %(subject)s', { subject }),
  'account.exported': _('took a copy of everything of %(subject)s', { subject }),
  'group.created': _('made the group %(subject)s', { subject }),
  'group.edited': _('changed the group %(subject)s', { subject }),
  'group.removed': _('deleted the group %(subject)s', { subject }),
  'member.put': detail === 'moderator' ? _('made %(subject)s a moderator', { subject }) : _('made %(subject)s a member', { subject }),
  'member.joined': _('joined'),
  'member.removed': _('ended the membership of %(subject)s', { subject }),
  'invitation.made': _('made %(subject)s', { subject }),
  'invitation.mailed': _('had invitations be mailed (%(detail)s)', { detail }),
  'invitation.revoked': _('revoked %(subject)s', { subject }),
  'secret.made': _('made %(subject)s for single sign-on', { subject }),
  'secret.deleted': _('deleted %(subject)s for single sign-on', { subject }),
  'channel.approved': _('approved %(subject)s', { subject }),
  'channel.locked': _('locked %(subject)s', { subject }),
  'channel.unlocked': _('unlocked %(subject)s', { subject }),
  'channel.pinned': _('pinned %(subject)s', { subject }),
  'channel.unpinned': _('unpinned %(subject)s', { subject }),
  'channel.deleted': _('deleted %(subject)s', { subject }),
  'post.approved': _('approved %(subject)s', { subject }),
  'post.kept': _('kept %(subject)s, which was reported', { subject }),
  'post.removed': _('removed %(subject)s', { subject }),
  'post.restored': _('restored %(subject)s', { subject }),
  'post.pinned': _('pinned %(subject)s', { subject }),
  'post.unpinned': _('unpinned %(subject)s', { subject }),
  'post.endorsed': _('endorsed %(subject)s', { subject }),
  'post.unendorsed': _('took back the endorsement of %(subject)s', { subject }),
  'edit.approved': _('approved the new text of %(subject)s', { subject }),
  'edit.declined': _('declined the new text of %(subject)s', { subject }),
  'decision.undone': _('took back the decision on %(subject)s', { subject }),
  'posts.cleared': _('removed all that %(subject)s wrote, %(detail)s', { subject, detail }),
  'note.made': _('wrote a note on %(subject)s', { subject }),
  'note.deleted': _('deleted a note on %(subject)s', { subject }),
  'appeal.granted': _('granted the appeal about %(subject)s', { subject }),
  'appeal.declined': _('declined the appeal about %(subject)s', { subject }),
  'block.made': _('blocked %(subject)s', { subject }),
  'block.ended': _('ended the block of %(subject)s', { subject }),
  'rules.edited': _('changed what is held back in %(subject)s', { subject }),
  'trust.put': detail === 'trusted' ? _('trusted %(subject)s', { subject }) : _('had all posts of %(subject)s wait', { subject }),
  'trust.ended': _('took back what was said about %(subject)s', { subject }),
  'webhook.made': _('made %(subject)s', { subject }),
  'webhook.edited': _('changed %(subject)s', { subject }),
  'webhook.rotated': _('made a new secret for %(subject)s', { subject }),
  'webhook.deleted': _('deleted %(subject)s', { subject }),
  'webhook.disabled': _('switched off %(subject)s', { subject }),
  'database.restored': _('restored the database'),
  'flask.imported': _('imported from Flask'),
  'comments.imported': _('imported comments from %(subject)s', { subject }),
  'claim.approved': _('gave %(subject)s the posts of the guest %(detail)s', { subject, detail }),
  'claim.declined': _('did not give %(subject)s the posts of the guest %(detail)s', { subject, detail }),
});
/** What was noted beside it, in words: of a group's rules, of who wrote a post and why it was removed. */
function inWords(detail) {
  const rules = {
    reading: { public: _('Everybody reads'), members: _('Members read') },
    posting: { guests: _('guests write, too'), users: _('whoever has an account writes'), members: _('members write') },
    review: { none: _('nothing waits'), guests: _('posts of guests wait'), all: _('posts wait') },
    anonymous: { yes: _('anonymous posts'), no: _('no anonymous posts') },
    images: { yes: _('images'), no: _('no images') },
    origins: { none: _('no other sites') },
  };
  const why = /^by (\S+|Former user|somebody anonymous)(?:, ([a-z-]+))?$/.exec(detail);
  if (why) return [_('by %(name)s', { name: why[1] }), reasons()[why[2]]].filter(Boolean).join(' · ');
  return detail.replace(/\b(reading|posting|review|anonymous|images|origins): ([a-z]+)(?=,|$)/g, (text, rule, value) => rules[rule][value] ?? text);
}

const TOLD = ['posts.cleared', 'user.role', 'member.put', 'claim.approved', 'claim.declined']; // with the detail

/** @param {string} path of the API */
export const trail = (section, pottle, path) => new Listing(section, pottle, {
  path, plural: 'entries',
  fill(part, { at: stamp, actor, action, subject, group, detail }) {
    at(part('time'), stamp);
    part('.who').textContent = actor || _('The operator');
    part('.did').textContent = sentences(subject, detail)[action] ?? `${action} ${subject}`;
    part('.how').textContent = TOLD.includes(action) ? '' : inWords(detail ?? '');
    part('.where').textContent = group ?? '';
  },
});
