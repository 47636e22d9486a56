/** All groups, for admins. */
import { submits } from '../forms.js';
import { Listing } from '../listing.js';
import { pottle } from '../pages.js';
import { _ } from '../texts.js';

const part = (selector) => document.querySelector(selector);

const groups = new Listing(part('#groups'), pottle, {
  path: '/api/groups', plural: 'groups',
  fill(of, { slug, name, reading, posting, review }) {
    Object.assign(of('.name'), { href: `${pottle.url}/groups/${slug}/manage`, textContent: name });
    of('.slug').textContent = slug;
    of('.rules').textContent = [READS[reading](), WRITES[posting](), REVIEWS[review]()].filter(Boolean).join(' · ');
  },
});

const READS = { public: () => _('Everybody reads'), members: () => _('Members read') };
const WRITES = { guests: () => _('guests write, too'), users: () => _('whoever has an account writes'), members: () => _('members write') };
const REVIEWS = { none: () => '', guests: () => _('posts of guests wait'), all: () => _('posts wait') };

submits(part('#groups form'), async (values, key) => {
  await pottle.api('POST', '/api/groups', values, { idempotencyKey: key });
  part('#groups form').reset();
  await groups.reload();
});
groups.follow();
