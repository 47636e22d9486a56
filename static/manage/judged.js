/** Lists of posts that moderators decide on. */
import { Listing, at } from '../listing.js';
import { pottle } from '../pages.js';
import { linksOf } from '../permalinks.js';
import { reported, said } from '../reasons.js';
import { _, ngettext, texts } from '../texts.js';
import { made, nameOf, trusted } from '../view.js';
import { channelPage, slug } from './group.js';

/** @param {'pending'|'reported'|'removed'} state */
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
      beside(of, post);
      Object.assign(of('.why'), { textContent: decision ? said(decision) : '', hidden: !decision });
    },
  });
  list.query = { state, group: slug };
  return list;
}

/** What the rules say of a post, who reported it, and how many notes there are. */
function beside(of, { author, verdict, reported: many, reports, notes }) {
  of('[data-do=history]').hidden = !author.uid;
  of('[data-do=block]').hidden = !author.guest;
  if (notes) of('[data-do=note]').textContent = ngettext('%(num)s note', '%(num)s notes', notes);
  of('.verdict').hidden = !verdict;
  if (verdict) {
    of('.score').textContent = _('The rules of the group give it %(score)s points; from 1 on, a post waits:', { score: verdict.score.toLocaleString(texts.language) });
    of('.verdict ul').append(...verdict.reasons.map((textContent) => made('li', { textContent })));
  }
  of('.reported').hidden = !many;
  if (!many) return;
  of('.reported p').textContent = ngettext('Reported by %(num)s person:', 'Reported by %(num)s people:', many);
  of('.reported ul').append(...reports.map(({ by, reason, note }) => {
    const line = made('li', { dir: 'auto' });
    line.append(made('b', { textContent: reported()[reason] }), note ? `: ${note} ` : ' ', made('bdi', { className: 'soft', textContent: by ?? _('Former user') }));
    return line;
  }));
}

/** Which text a moderator reads: that of a public post's edit, else the post's own. */
const textOf = ({ version, edit }) => edit?.version ?? version;

