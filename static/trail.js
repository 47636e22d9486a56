/** The audit trail in words. The actions are those of docs/administration.md. */
import { Listing, at } from './listing.js';

// {} is the subject, {detail} what else was noted, which otherwise stands behind.
const WORDS = {
  'user.created': 'made the account {}', 'user.role': 'gave {} the role {detail}', 'user.disabled': 'disabled {}', 'user.enabled': 'enabled {}',
  'user.deleted': 'deleted the account {}', 'password.changed': 'changed the password of {}', 'password.link': 'made a password link for {}',
  'password.code': 'made a new code for {}', 'password.reset': 'chose a new password for {} by a code', 'token.made': 'made a token:',
  'token.deleted': 'deleted a token:', 'account.exported': 'took a copy of everything of {}', 'group.created': 'made the group {}:', 'group.edited': 'changed the group {}:', 'group.removed': 'deleted the group {}',
  'member.put': 'made {} a {detail}', 'member.joined': 'joined as', 'member.removed': 'ended the membership of {}', 'invitation.made': 'made {}:',
  'invitation.revoked': 'revoked {}', 'secret.made': 'made {} for single sign-on', 'secret.deleted': 'deleted {} for single sign-on', 'channel.approved': 'approved {}:', 'channel.locked': 'locked {}:', 'channel.unlocked': 'unlocked {}:', 'channel.pinned': 'pinned {}:', 'channel.unpinned': 'unpinned {}:', 'channel.deleted': 'deleted {}:',
  'post.approved': 'approved {}', 'post.removed': 'removed {}', 'post.restored': 'restored {}', 'post.pinned': 'pinned {}', 'post.unpinned': 'unpinned {}', 'post.endorsed': 'endorsed {}', 'post.unendorsed': 'took back the endorsement of {}',
  'edit.approved': 'approved the edit of {}', 'edit.declined': 'declined the edit of {}', 'decision.undone': 'took back the decision on {}',
  'database.restored': 'restored the database:', 'flask.imported': 'imported from Flask:',
};

/** @param {string} path of the API */
export const trail = (section, pottle, path) => new Listing(section, pottle, {
  path, plural: 'entries',
  fill(part, { at: stamp, actor, action, subject, group, detail }) {
    const words = WORDS[action] ?? `${action} {}`;
    at(part('time'), stamp);
    part('.who').textContent = actor || 'The operator';
    part('.did').textContent = words.replace('{}', () => subject).replace('{detail}', () => detail);
    part('.how').textContent = words.includes('{detail}') ? '' : detail ?? '';
    part('.where').textContent = group ?? '';
  },
});
