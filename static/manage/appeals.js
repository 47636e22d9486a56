/** Appeals that wait for a moderator, and the answers. */
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { linksOf } from '../permalinks.js';
import { reasons } from '../reasons.js';
import { _ } from '../texts.js';
import { toast } from '../toast.js';
import { nameOf, trusted } from '../view.js';
import { channelPage, part, slug } from './group.js';
import { askAnswer, showHistory } from './person.js';

const list = new Listing(part('#appeals'), pottle, {
  path: '/api/appeals', plural: 'appeals',
  fill(of, { post, place, about, reason, note, by, text, created, yours }) {
    of('.author').textContent = nameOf(post.author);
    of('.when').href = linksOf(pottle.url).post + post.id;
    at(of('.when time'), created);
    Object.assign(of('.place'), { href: channelPage(post.channel), textContent: place.title });
    of('.in-group').textContent = slug ? '' : place.group_name;
    of('.badge.edit').hidden = about !== 'edit';
    of('.body').innerHTML = trusted((about === 'edit' ? post.edit : post)?.html ?? ''); // sanitised by the server
    const why = [reason && reasons()[reason], note].filter(Boolean).join(': ') || _('no reason was told');
    of('.why').textContent = by ? _('Removed by %(name)s. %(reason)s', { name: by, reason: why }) : why;
    of('.plea').textContent = text;
    of('.yours').hidden = !yours;
    of('[data-do=history]').hidden = !post.author.uid;
  },
  actions: {
    granted: ({ id }) => answer(id, 'granted', _('Grant the appeal?'), _('Grant'), _('The appeal is granted: the text is back.')),
    declined: ({ id }) => answer(id, 'declined', _('Decline the appeal?'), _('Decline'), _('The appeal is declined.')),
    async history({ place, post }) {
      await showHistory(pottle, place.group, post.author.uid);
      return false;
    },
  },
});
list.query = { group: slug };

async function answer(id, state, title, action, done) {
  const given = await askAnswer(title, action, (values) => pottle.api('PATCH', `/api/appeals/${id}`, { state, ...values }));
  if (given) toast({ text: done });
  return given;
}

list.follow();
