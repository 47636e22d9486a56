/** The page of a group's moderators, where there are discussions: what waits for them, what they removed, and the tag for other sites. */
import { begin } from './begin.js';
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { linksOf } from './permalinks.js';
import { Listing, at } from './listing.js';
import { group, noted, page, part, rules, saveRules, words } from './manage.js';
import { pottle } from './pages.js';
import { showSite } from './site.js';
import { isolated, nameOf } from './view.js';

const channelPage = (id) => page.dataset.page.replace(/0(?=\/?$)/, id);

// posts

const titles = new Map();
async function titled(link, id) {
  link.href = channelPage(id);
  if (!titles.has(id)) titles.set(id, pottle.api('GET', `/api/channels/${id}`));
  link.textContent = (await titles.get(id)).title;
}

function posts(section, state, fill, actions) {
  const list = new Listing(section, pottle, {
    path: `${group}/posts`, plural: 'posts', actions, version: (post) => (post.edit ?? post).version,
    fill(of, post) {
      of('.when').href = linksOf(pottle.url).post + post.id;
      of('.author').textContent = nameOf(post.author);
      of('.body').innerHTML = post.html; // sanitised by the server
      at(of('time'), post.created);
      titled(of('.channel'), post.channel);
      fill(of, post);
    },
  });
  list.query = { state };
  return list;
}

/** Each names the version that is on the page. */
const change = (path, { version }, fields) => noted(pottle.api('PATCH', path, fields, { ifMatch: `"${version}-0"` }));
const decide = (post, state) => change(`/api/posts/${post.id}${post.edit ? '/edit' : ''}`, post.edit ?? post, { state });

const removed = posts(part('#removed'), 'removed', () => {}, {
  restore: async (post) => { await change(`/api/posts/${post.id}`, post, { state: 'published' }); waiting.reload(); },
});
const waiting = posts(part('#waiting'), 'pending', (of, { edit, html }) => {
  of('.was').hidden = of('.edit').hidden = !edit;
  if (!edit) return;
  of('.body').innerHTML = edit.html;
  of('.was .body').innerHTML = html;
  at(of('time'), edit.created);
  of('[data-do=remove]').textContent = 'Decline';
}, {
  approve: (post) => decide(post, 'published'),
  async remove(post) { await decide(post, 'removed'); removed.reload(); },
});

// new discussions

const gone = async ({ id, title }) => await ask({
  title: `Delete “${isolated(title)}”?`, text: 'All its posts go with it, and nobody can bring them back.', action: 'Delete',
}) && noted(pottle.api('DELETE', `/api/channels/${id}`));

const begun = new Listing(part('#begun'), pottle, {
  path: `${group}/channels`, plural: 'channels',
  fill(of, channel) {
    const { id, title, key, url, by } = channel;
    titles.set(id, channel);
    Object.assign(of('.title'), { href: channelPage(id), textContent: title });
    of('.key').textContent = key;
    of('.address').textContent = url ?? '';
    of('.by').textContent = by ? `begun by ${by}` : 'begun by a guest';
  },
  actions: {
    async approve(channel) { await change(`/api/channels/${channel.id}`, channel, { state: 'published' }); discussions.reload(); },
    remove: (channel) => gone(channel),
  },
});
begun.query = { state: 'pending' };

// discussions

const discussions = new Listing(part('#discussions'), pottle, {
  path: `${group}/channels`, plural: 'channels',
  fill(of, { id, title, posts: count, locked }) {
    Object.assign(of('.title'), { href: channelPage(id), textContent: title });
    of('.many').textContent = count === 1 ? '1 post' : `${count} posts`;
    of('.locked').hidden = !locked;
    of('[data-do=lock]').textContent = locked ? 'Unlock' : 'Lock';
  },
  actions: {
    lock: ({ id, locked }) => noted(pottle.api('PATCH', `/api/channels/${id}`, { locked: !locked })),
    remove: (channel) => gone(channel),
  },
});

submits(part('#discussions form'), async ({ title }) => {
  await begin(pottle, page.dataset.group, title, page.dataset.page);
  part('#discussions form').reset();
  await discussions.reload();
});

// on other sites

const site = showSite(part('#site'), () => words(rules.elements.origins.defaultValue), async (origin) => {
  const { origins } = rules.elements;
  const typed = words(origins.value);
  await saveRules({ origins: [...words(origins.defaultValue), origin] });
  origins.value = [...typed, origin].join('\n'); // with what waits there to be saved
});
rules.addEventListener('saved', () => site.look());

begun.follow().then(() => [waiting, removed].forEach((list) => list.follow())); // whose titles are then known
discussions.follow();
