/** Lists of posts that moderators decide on. */
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { linksOf } from '../permalinks.js';
import { said } from '../reasons.js';
import { nameOf, trusted } from '../view.js';
import { channelPage, slug } from './group.js';

/** @param {'pending'|'removed'} state */
export function judged(section, state, actions) {
  const list = new Listing(section, pottle, {
    path: '/api/queue', plural: 'posts', actions, version: textOf,
    fill(of, post) {
      const { author, place, edit, html, created, channel, decision } = post;
      const fresh = state === 'pending' && edit;
      of('.when').href = linksOf(pottle.url).post + post.id;
      of('.author').textContent = nameOf(author);
      of('.badge.guest').hidden = !author.guest;
      Object.assign(of('.place'), { href: channelPage(channel), textContent: place.title });
      of('.in-group').textContent = slug ? '' : place.group_name;
      of('.was').hidden = of('.edit').hidden = !fresh;
      of('.body').innerHTML = trusted((fresh || post).html); // sanitised by the server
      if (fresh) of('.was .body').innerHTML = trusted(html);
      at(of('.when time'), (fresh || post).created ?? created);
      Object.assign(of('.why'), { textContent: decision ? said(decision) : '', hidden: !decision });
    },
  });
  list.query = { state, group: slug };
  return list;
}

/** Which text a moderator reads: that of a public post's edit, else the post's own. */
const textOf = ({ version, edit }) => edit?.version ?? version;

