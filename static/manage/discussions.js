/** A group's discussions, for its moderators. */
import { begin } from '../begin.js';
import { ask } from '../dialogs.js';
import { submits } from '../forms.js';
import { Listing } from '../listing.js';
import { pottle } from '../pages.js';
import { _, ngettext } from '../texts.js';
import { isolated } from '../view.js';
import { channelPage, group, page, part, slug } from './group.js';

const discussions = new Listing(part('#discussions'), pottle, {
  path: `${group}/channels`, plural: 'channels',
  fill(of, { id, title, posts, locked, pinned }) {
    Object.assign(of('.title'), { href: channelPage(id), textContent: title });
    of('.many').textContent = ngettext('%(num)s post', '%(num)s posts', posts);
    of('.locked').hidden = !locked;
    of('.pinned').hidden = !pinned;
    of('[data-do=lock]').textContent = locked ? _('Unlock') : _('Lock');
    of('[data-do=pin]').textContent = pinned ? _('Unpin') : _('Pin');
  },
  actions: {
    lock: ({ id, locked }) => pottle.api('PATCH', `/api/channels/${id}`, { locked: !locked }),
    pin: ({ id, pinned }) => pottle.api('PATCH', `/api/channels/${id}`, { pinned: !pinned }),
    remove: async (channel) => await sure(channel) && pottle.api('DELETE', `/api/channels/${channel.id}`),
  },
});

/** Asks before a discussion is deleted. */
export const sure = ({ title }) => ask({
  title: _('Delete “%(title)s” with all its posts?', { title: isolated(title) }), text: _('Nobody can bring it back.'), action: _('Delete'),
});

submits(part('#discussions form'), async ({ title }) => {
  await begin(pottle, slug, title, page.dataset.page);
  part('#discussions form').reset();
  await discussions.reload();
});

discussions.follow();
