/**
 * The posts of one channel as pure data: a list read at a position, and the changes that follow it.
 *
 * Every function returns a new thread and leaves the old one alone; posts that did not change stay the same objects,
 * so a view can compare by identity. A change carries its post as it was when *sent*, which may be ahead of the
 * change itself; so how many replies a post has is never taken from there but counted, from the list onward.
 *
 * @typedef {import('./pottle.js').Post} Post
 * @typedef {{posts: Post[], next: ?string, epoch: string, seq: number, newest: boolean, conversation: boolean, whole: boolean,
 *   oldest: boolean, ahead: Object<number, number>}} Thread
 *   `posts` newest first, tombstones included; `newest` is false for a page that is not the first one, which gets no new posts
 *   on top but answers to its own; `conversation` is true for one conversation, which gets those alone; `whole` where pages
 *   are of whole conversations, whose answers come with them; `oldest` where the oldest conversations come first, and `next`
 *   are newer ones; `ahead` says of posts from a page that was read later up to which seq they already know.
 */

/**
 * @param {import('./pottle.js').Page} page
 * @param {{newest?: boolean, conversation?: boolean, whole?: boolean, oldest?: boolean, kept?: Post[]}} [options] `kept` are posts that have to stay, though the page may not have
 *   them: where it would, they were removed
 * @returns {Thread}
 */
export function start({ posts, next, epoch, seq }, { newest = true, conversation = false, whole = false, oldest = false, kept = [] } = {}) {
  const thread = { posts: [...posts], next, epoch, seq, newest, conversation, whole, oldest, ahead: {} };
  const missing = kept.filter(({ id }) => !find(thread, id));
  const stay = missing.map((post) => (outside(thread, post) ? post : { ...post, state: 'removed', html: '', reactions: {} }));
  return { ...thread, posts: sorted([...posts, ...stay]) };
}

/** The thread after one change of the live connection. Changes must come in order, as a subscription gives them. */
export function apply(thread, change) {
  const moved = { ...thread, seq: change.seq };
  if (!change.post) return moved; // of the channel itself, or deleted since with all that belonged to it
  if (change.kind === 'reactions') return patch(moved, change.post.id, { reactions: change.post.reactions }, change.seq);
  return put(moved, change.post, change);
}

/** The thread with the answer to one's own request, which may come before its change or after it. */
export function offer(thread, post) {
  const known = find(thread, post.id);
  return known && known.version >= post.version ? thread : put(thread, post);
}

/**
 * The thread with what another page has, and its `next`; null when that page is behind the thread or of another epoch, and
 * so has to be read again.
 */
export function older(thread, page) {
  if (page.epoch !== thread.epoch || page.seq < thread.seq) return null;
  const fresh = page.posts.filter((post) => !find(thread, post.id));
  const ahead = { ...thread.ahead };
  if (page.seq > thread.seq) for (const { id } of fresh) ahead[id] = page.seq;
  return { ...thread, posts: sorted([...thread.posts, ...fresh]), next: page.next, ahead };
}

/** Whether new posts that answer none belong to it. */
export const isNewest = ({ newest, oldest, next, conversation }) => !conversation && (oldest ? !next : newest);

/** What there is to show: a removed post stays as a tombstone as long as it has replies, or is one of `kept` (ids). */
export const visible = ({ posts }, kept = new Set()) =>
  posts.filter(({ id, state, replies }) => state !== 'removed' || replies > 0 || kept.has(id));

/**
 * As `visible`, for one reader, with what of `own` posts others do not see: those that wait, and those that were removed.
 * What the thread knows in a newer version is as it is there.
 */
export function visibleTo(thread, own, kept) {
  const withheld = own.filter((post) => {
    const known = find(thread, post.id);
    return known ? known.version <= post.version : !outside(thread, post);
  });
  const ids = new Set(withheld.map(({ id }) => id));
  return sorted([...visible(thread, kept).filter(({ id }) => !ids.has(id)), ...withheld]);
}

/**
 * Posts as conversations: the newest first, each with all the replies to it, and to those, oldest first. A reply
 * whose parent is not among the posts belongs to its `root`, where that is known, and else begins one of its own.
 * @param {Post[]} posts newest first @returns {{post: Post, replies: Post[]}[]}
 */
export function conversations(posts) {
  const homes = new Map();
  for (const post of [...posts].reverse()) { // a parent is always older than its replies
    const home = homes.get(post.parent) ?? homes.get(post.root) ?? { post, replies: [] };
    if (home.post !== post) home.replies.push(post);
    homes.set(post.id, home);
  }
  return [...new Set(homes.values())].reverse();
}

/** How many published posts there are more, by a change's kind. */
export const GAINED = { 'post.created': 1, 'post.restored': 1, 'post.removed': -1 };
const find = (thread, id) => thread.posts.find((post) => post.id === id);
const sorted = (posts) => posts.sort((one, other) => other.id - one.id);
const counts = (post) => post !== undefined && post.state === 'published';
const knows = (thread, id, seq) => (thread.ahead[id] ?? 0) >= seq;

/** An answer to ourselves has no `seq`: no page can be ahead of it. */
function put(thread, post, { seq = Infinity, kind } = {}) {
  const known = find(thread, post.id);
  if (known && (knows(thread, post.id, seq) || known.version > post.version)) return thread;
  if (!known && outside(thread, post)) return recount(thread, post.parent, GAINED[kind] ?? 0, seq);
  const counted = recount(thread, post.parent, counts(post) - counts(known), seq);
  const fresh = { ...post, root: known?.root, replies: known?.replies ?? 0 };
  return { ...counted, posts: sorted([fresh, ...counted.posts.filter(({ id }) => id !== post.id)]) };
}

/** Not among what is loaded: it comes with the page it belongs to. */
function outside(thread, { id, parent, root }) {
  const { posts, next, newest, whole, oldest } = thread;
  if ((whole || !isNewest(thread)) && (find(thread, parent) || find(thread, root))) return false;
  if (thread.conversation || (whole && parent)) return true;
  const those = whole ? posts.filter((post) => !post.parent) : posts;
  const [above, below] = oldest ? [next, !newest] : [!newest, next];
  return Boolean((below && those.length > 0 && id < those.at(-1).id) || (above && id > (those[0]?.id ?? 0)));
}

function recount(thread, parent, gained, seq) {
  const known = gained ? find(thread, parent) : undefined;
  return known ? patch(thread, parent, { replies: Math.max(0, known.replies + gained) }, seq) : thread;
}

function patch(thread, id, fields, seq) {
  if (knows(thread, id, seq)) return thread;
  return { ...thread, posts: thread.posts.map((post) => (post.id === id ? { ...post, ...fields } : post)) };
}
