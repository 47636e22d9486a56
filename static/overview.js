/** Pages that list discussions: the list as it is now, and the form that begins one. */
import { beginning } from './begin.js';
import { Listing, at } from './listing.js';
import { account, pottle } from './pages.js';
import { ngettext } from './texts.js';

const section = document.querySelector('.threads');
const { path, live } = section.dataset;
const pattern = (selector) => section.querySelector('template').content.querySelector(selector)?.getAttribute('href');
const [channelPage, groupPage] = [pattern('.title'), pattern('.group')];

if (live) {
  const list = new Listing(section, pottle, {
    path, plural: 'channels',
    fill(of, { id, title, group, group_name: name, posts, active, locked, pinned }) {
      Object.assign(of('.title'), { href: channelPage.replace(/0$/, id), textContent: title });
      if (groupPage) Object.assign(of('.group'), { href: groupPage.replace(/-$/, group), textContent: name });
      of('.many').textContent = ngettext('%(num)s post', '%(num)s posts', posts);
      of('.locked').hidden = !locked;
      of('.pinned').hidden = !pinned;
      at(of('time'), active);
    },
  });
  if (path !== '/api/channels') list.query = { order: 'active' };
  list.follow();
}
document.querySelectorAll('form.begin').forEach((form) => beginning(form, pottle, account));
