/**
 * The script of the tag, for pages of any site: `<pottle-thread>`, `<pottle-count>` and `<pottle-recent>`.
 *
 * `<script type="module" src="https://HOST/embed.js" data-group="blog">` puts a thread where it stands. The server joins
 * this and what it imports to one file, and so what is imported later (api/talk/embed.py).
 */
import { PottleThread } from './element.js';
import { Host, define, given } from './host.js';

const { pathname, origin } = new URL(import.meta.url);
const replaced = new WeakSet();

const host = (group) => Host.of(group ?? given(document.querySelector('pottle-thread'), 'group'));

/** Signs in whom the page's own site knows. @param {string} token a JWT by the group's secret @param {string} [group] by default that of the page's first thread */
export const signIn = async (token, group) => (await import('./part.js')).signIn(host(group), token);

export const signOut = async (group) => (await import('./part.js')).leave(host(group));

/** Scripts of modules run once a document: what Turbo and the like put into it later is found by looking. */
function look() {
  for (const script of document.scripts) {
    if (replaced.has(script) || !script.dataset.group || !script.src) continue;
    const source = new URL(script.src);
    if (source.origin !== origin || source.pathname !== pathname) continue;
    replaced.add(script);
    const thread = document.createElement('pottle-thread');
    for (const { name, value } of script.attributes) if (name.startsWith('data-') || name === 'lang') thread.setAttribute(name, value);
    if (script.closest('head')) document.body.append(thread);
    else script.after(thread);
  }
  if (document.querySelector('pottle-count')) import('./count.js');
  if (document.querySelector('pottle-recent')) import('./recent.js');
  if (document.querySelector('pottle-search')) import('./search.js');
}

globalThis.pottle = { ...globalThis.pottle, signIn, signOut };
define('pottle-thread', PottleThread);
look();
new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
