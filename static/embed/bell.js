/** The bell of a thread on a page of another site: what is new for whoever is signed in there. Imported when somebody takes part. */
import { Bell, tally } from '../bell.js';

const LOOK = `.bell{position:relative;vertical-align:middle}.bell b{color:var(--accent)}.bell svg{vertical-align:middle}
.news{position:absolute;inset:auto;margin:0;padding:0;width:min(26em,100vw - 12px);overflow-y:auto;overscroll-behavior:contain;font:inherit;line-height:1.4;background:var(--pottle-background,canvas);color:inherit;border:1px solid var(--line);border-radius:var(--radius);box-shadow:0 .3em 1.5em #0005}
.news p{margin:0;padding:.6em 1em}.news .title,.news .ways{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.2em 1em}.news ul{list-style:none;margin:0;padding:0}
.news li{border-block:1px solid var(--line);margin-block-end:-1px}.news li a{display:grid;gap:.1em;padding:.6em 1em;color:inherit;text-decoration:none}.news li a:hover{background:var(--sunk)}
.news .unread{background:color-mix(in srgb,var(--accent) 10%,transparent)}.who{font-weight:600}.words{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.news .where,.none{font-size:.85em;color:color-mix(in srgb,currentcolor 72%,transparent)}`;

const hung = new WeakSet();

/** @param {import('./thread.js').Thread} thread @param {import('./part.js').Pottle} pottle */
export function hang(thread, pottle) {
  const { host, section, listeners } = thread;
  const button = section.querySelector('.bell');
  if (hung.has(button) || !('popover' in button)) return;
  hung.add(button);
  const { url } = host.line;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);
  section.getRootNode().adoptedStyleSheets.push(sheet);
  let [watch, news, show] = [null, null, null];
  const meet = () => {
    button.hidden = !host.me;
    watch?.close();
    news = null;
    watch = host.me && pottle.watch('/api/me/notices', (now) => {
      news = now;
      tally(button, now.unread);
      show?.(now);
    });
  };
  const source = {
    api: (...asked) => pottle.api(...asked),
    watch(_path, onValue) {
      show = onValue;
      if (news) show(news);
      return { close() { show = null; } };
    },
  };
  new Bell(button, source, { base: url, target: '_blank', post: (notice) => addressOf(notice, url) });
  listeners.push(meet);
  meet();
}

/** On the page that the discussion is about, else on the server. */
const addressOf = ({ page, channel, post }, url) => (page ? `${page.split('#')[0]}#pottle-${post}` : `${url}/channels/${channel}?at=${post}#p${post}`);
