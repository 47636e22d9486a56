/** The posts of a discussion in the page: brings the DOM to a thread with as few moves as it takes. */
import { conversations, visibleTo } from './thread.js';
import { fill, made, read } from './view.js';

export class PostList {
  /** Puts the conversations into another order than that in which they began. @type {?(items: HTMLElement[]) => void} */
  sort;
  #list; #template; #links; #shown = new Map(); // id -> {article, post, place: {parent, root}}

  /** Takes over what the server rendered. @param {import('./view.js').Links} links */
  constructor(section, links) {
    this.#list = section.querySelector('.posts');
    this.#template = section.querySelector('.post-template');
    this.#links = links;
    for (const article of this.#list.querySelectorAll('.post')) {
      const post = read(article);
      this.#shown.set(post.id, { article, post });
    }
    const { posts } = this;
    for (const { post: root, replies } of conversations(posts)) {
      for (const post of [root, ...replies]) this.#shown.get(post.id).place = { root, parent: posts.find(({ id }) => id === post.parent) };
    }
  }

  /** Newest first. */
  get posts() { return [...this.#shown.values()].map(({ post }) => post).sort((one, other) => other.id - one.id); }

  article(id) { return this.#shown.get(id)?.article; }

  /**
   * Shows a thread, with the posts of `kept` in any case, and the reader's `own` ones that others do not see. The reader's
   * place in it stays where it is. @returns {number[]} ids that were not there before
   */
  render(thread, kept, own) {
    const posts = visibleTo(thread, own, kept);
    const before = new Set(this.#shown.keys());
    keepingPlace(this.#list, () => this.#update(posts, thread.oldest));
    return posts.map(({ id }) => id).filter((id) => !before.has(id));
  }

  /** @param {(article: HTMLElement, post: object) => void} visit */
  each(visit) { for (const { article, post } of this.#shown.values()) visit(article, post); }

  #update(posts, oldest) {
    const byId = new Map(posts.map((post) => [post.id, post]));
    for (const id of this.#shown.keys()) if (!byId.has(id)) this.#shown.delete(id);
    const items = conversations(posts).map(({ post: root, replies }) => {
      for (const post of [root, ...replies]) this.#show(post, { parent: byId.get(post.parent), root });
      return this.#conversation(root, replies);
    });
    if (oldest) items.reverse();
    this.sort?.(items);
    arrange(this.#list, items);
  }

  #show(post, place) {
    const model = this.#template.content.firstElementChild;
    const entry = this.#shown.get(post.id) ?? { article: model.cloneNode(true) };
    const moved = entry.place?.parent?.id !== place.parent?.id || entry.place?.root.id !== place.root.id;
    if (entry.post !== post || moved) fill(entry.article, post, place, this.#links, model);
    this.#shown.set(post.id, { ...entry, post, place });
  }

  #conversation(post, replies) {
    const article = this.article(post.id);
    const item = article.closest(`[data-root="${post.id}"]`) ?? newConversation(post.id, article);
    const list = item.querySelector('.replies') ?? made('ol', { className: 'replies' });
    const leftOut = (kind) => [...list.children].filter(({ dataset }) => kind in dataset);
    arrange(list, [...leftOut('more'), ...replies.map(({ id }) => replyItem(this.article(id))), ...leftOut('later')]);
    if (!list.firstElementChild) list.remove();
    else if (!list.parentElement) item.append(list);
    return item;
  }
}

function newConversation(id, article) {
  const item = made('li', { className: 'conversation' });
  item.dataset.root = id;
  item.append(article);
  return item;
}

function replyItem(article) {
  const item = article.closest('.replies > li') ?? made('li');
  if (!item.firstChild) item.append(article);
  return item;
}

/** Removes first, so that nothing that stays is moved: moving takes the focus away. */
export function arrange(list, items) {
  const wanted = new Set(items);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  items.forEach((item, index) => {
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
}

/**
 * The reader's place stays where it is. Safari does not anchor the scroll position, so for all browsers we do (style.css turns
 * theirs off). And the focus stays: where it was moved or is gone, at that post, the next one, or the last.
 */
function keepingPlace(list, change) {
  const posts = [...list.querySelectorAll('.post')];
  const scroller = scrollerOf(list);
  const top = scroller === document.scrollingElement ? 0 : scroller.getBoundingClientRect().top;
  const reading = list.getBoundingClientRect().top < top;
  const anchor = reading && posts.find((post) => post.getBoundingClientRect().bottom > top);
  const before = anchor && anchor.getBoundingClientRect().top;
  const focused = list.getRootNode().activeElement;
  const at = posts.indexOf(focused?.closest('.post'));
  change();
  if (at >= 0) [focused, ...posts.slice(at), ...posts.slice(0, at).reverse()].find(({ offsetParent }) => offsetParent)?.focus({ preventScroll: true });
  if (anchor?.isConnected) scroller.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: 'instant' });
}

/** What scrolls a list: the page, or on other sites maybe a part of it. */
function scrollerOf(list) {
  for (let place = list; place; place = place.parentElement ?? place.getRootNode().host) {
    if (/auto|scroll/.test(getComputedStyle(place).overflowY) && place.scrollHeight > place.clientHeight && place !== document.body) return place;
  }
  return document.scrollingElement;
}
