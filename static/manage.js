/** The page of a group's moderators: who belongs to it, what waits for them, its rules and discussions. */
import { submits } from './forms.js';
import { Listing, at, sure } from './listing.js';
import { account, begin, pottle } from './pages.js';
import { Poster } from './poster.js';
import { showRoster } from './roster.js';
import { showSite } from './site.js';
import { trail } from './trail.js';
import { isolated, linksOf, nameOf } from './view.js';

const part = (selector) => document.querySelector(selector);
const page = part('.managing');
const group = `/api/groups/${page.dataset.group}`;
const poster = new Poster(part('#code'));
const { joinAt } = page.dataset; // as pupils reach it, who may not be on this machine
const done = trail(part('#trail'), pottle, `${group}/audit`);
const words = (text) => text.split(/\s+/).filter(Boolean);
const noted = async (answer) => { await answer; done.reload(); };
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
    remove: ({ id, title }) => sure(`Delete “${isolated(title)}” with all its posts? Nobody can bring it back.`) && noted(pottle.api('DELETE', `/api/channels/${id}`)),
  },
});
begun.query = { state: 'pending' };

// people

const invitations = new Listing(part('#invitations'), pottle, {
  path: `${group}/invitations`, plural: 'invitations',
  fill(of, { role, uses, expires, created, by }) {
    of('.role').textContent = role === 'moderator' ? 'As moderators' : 'As members';
    of('.uses').textContent = uses === null ? 'any number,' : `${uses} more,`;
    of('.until').textContent = new Date(expires).toLocaleString();
    at(of('time'), created);
    of('.by').textContent = by ? `by ${by}` : 'by the operator';
  },
  actions: { revoke: ({ id }) => sure('Revoke this invitation? Who joined by it stays.') && noted(pottle.api('DELETE', `${group}/invitations/${id}`)) },
});

submits(part('#invitations form'), async ({ role, uses, days }) => {
  const made = await pottle.api('POST', `${group}/invitations`, { role, uses: uses ? Number(uses) : null, days: Number(days) });
  poster.show({ ...made, title: `Join ${isolated(part('.channel-title').textContent)}`, where: `Open ${joinAt} and enter` });
  await Promise.all([invitations.reload(), done.reload()]);
});

const members = new Listing(part('#members'), pottle, {
  path: `${group}/members`, plural: 'members',
  fill(of, { uid, name, role }) {
    const mine = uid === account.me?.uid;
    of('.name').textContent = name;
    of('.uid').textContent = mine ? `${uid}, you` : uid;
    of('[data-do=role]').value = role;
    for (const control of ['role', 'remove', 'code']) of(`[data-do=${control}]`).hidden = mine; // nobody locks himself out
  },
  actions: {
    role: ({ uid }, { value }) => put(uid, value),
    remove: ({ uid, name }) => sure(`End the membership of ${isolated(name)}? What they wrote stays.`) && noted(pottle.api('DELETE', `${group}/members/${encodeURIComponent(uid)}`)),
    async code({ uid, name }) {
      if (!sure(`Make a new code by which ${isolated(name)} chooses a password? The one before ends.`)) return false;
      const made = await pottle.api('POST', `${group}/roster/${encodeURIComponent(uid)}`);
      poster.show({ ...made, title: `For ${isolated(made.name)} only`, where: `Your user name is ${made.uid}. Open ${joinAt} and enter` });
      done.reload();
      return false;
    },
  },
});

const put = (uid, role) => noted(pottle.api('POST', `${group}/members`, { uid, role }));

submits(part('#members form'), async ({ uid, role }) => {
  await put(uid, role);
  part('#members form').reset();
  await members.reload();
});

showRoster(part('#roster form'), part('.printable'), joinAt, async (csv) => {
  const { accounts } = await pottle.api('POST', `${group}/roster`, { csv });
  members.reload();
  done.reload();
  return accounts;
});

// discussions and rules

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
    remove: ({ id, title }) => sure(`Delete “${isolated(title)}” with all its posts? Nobody can bring it back.`) && noted(pottle.api('DELETE', `/api/channels/${id}`)),
  },
});

submits(part('#discussions form'), async ({ title }) => {
  await begin(page.dataset.group, title, page.dataset.page);
  part('#discussions form').reset();
  await discussions.reload();
});

const rules = part('#rules form');

async function saveRules(fields) {
  const { version, origins } = await pottle.api('PATCH', group, fields, { ifMatch: `"${page.dataset.version}-0"` });
  page.dataset.version = version;
  rules.elements.origins.defaultValue = origins.join('\n');
  done.reload();
}

submits(rules, async () => {
  const { name, reading, posting, review, origins } = rules.elements;
  await saveRules({ name: name.value, reading: reading.value, posting: posting.value, review: review.value, origins: words(origins.value) });
  part('.managing .channel-title').textContent = name.value;
  part('#rules .saved').textContent = 'Saved.';
  site.look();
});

const site = showSite(part('#site'), () => words(rules.elements.origins.defaultValue), async (origin) => {
  const { origins } = rules.elements;
  const typed = words(origins.value);
  await saveRules({ origins: [...words(origins.defaultValue), origin] });
  origins.value = [...typed, origin].join('\n'); // with what waits there to be saved
});

begun.follow().then(() => [waiting, removed].forEach((list) => list.follow())); // whose titles are then known
[invitations, members, discussions, done].forEach((list) => list.follow());
