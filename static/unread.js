/** What one has not read, everywhere: in the title, beside the link to the inbox, and by the key `n`. */
import { tally } from './bell.js';
import { onKey, show } from './keys.js';
import { Reading } from './reading.js';
import { _, ngettext } from './texts.js';

const MOST = 99;

let unread = null;

/** @param {HTMLElement} link to the inbox, with a `.tally` */
export function start(link, pottle, account) { unread ??= new Unread(link, pottle, account); }

class Unread {
  #link; #pottle; #account; #readings; #watch = null; #title = document.title; #bell = document.querySelector('.bell');

  constructor(link, pottle, account) {
    this.#link = link;
    this.#pottle = pottle;
    this.#account = account;
    this.#readings = [...document.querySelectorAll('.discussion')].map((section) => new Reading(section, pottle));
    onKey('n', _('Go to the next unread post'), () => this.#next());
    document.querySelector('[data-do=keys]').addEventListener('click', show);
    account.onChange(() => this.#meet());
    this.#meet();
  }

  #meet() {
    const { me } = this.#account;
    this.#watch?.close();
    this.#watch = me ? this.#pottle.watch('/api/sidebar', (around) => this.#show(around)) : null;
    this.#readings.forEach((reading) => reading.as(me));
    if (!me) this.#show({ unread: 0, inbox: 0, bell: 0, groups: [] });
  }

  #show({ unread, inbox, bell, groups }) {
    tally(this.#bell, bell);
    document.title = unread ? `(${few(unread)}) ${this.#title}` : this.#title;
    document.body.classList.toggle('has-unread', unread > 0);
    this.#link.classList.toggle('unread', inbox > 0);
    navigator[inbox ? 'setAppBadge' : 'clearAppBadge']?.(inbox).catch(() => {}); // on the app's icon, where it is installed
    const [number, said] = this.#link.querySelector('.tally').children;
    number.textContent = inbox ? few(inbox) : '';
    said.textContent = inbox ? ngettext('%(num)s unread post', '%(num)s unread posts', inbox) : '';
    const counts = new Map(groups.flatMap(({ channels }) => channels).map((channel) => [channel.id, channel.unread]));
    for (const reading of this.#readings) if (counts.has(reading.channel)) reading.counted(counts.get(reading.channel));
  }

  /** In this page, else in another discussion: the one after this in the sidebar, if that has any. */
  async #next() {
    if (!this.#account.me) return this.#account.ask();
    if (this.#readings.some((reading) => reading.next())) return undefined;
    const here = this.#readings.map(({ channel }) => channel);
    const { channels } = await this.#pottle.api('GET', '/api/me/unread').catch(() => ({ channels: {} }));
    const others = Object.keys(channels).map(Number).filter((id) => !here.includes(id));
    if (others.length === 0) return (await import('./toast.js')).toast({ text: _('Nothing is unread.') });
    const listed = [...document.querySelectorAll('.sidebar .of-group a[href*="/channels/"]')].map(({ href }) => Number(href.split('/').at(-1)));
    const id = listed.find((one) => others.includes(one)) ?? others[0];
    const { posts: [first] } = await this.#pottle.api('GET', `/api/channels/${id}/unread`);
    return location.assign(`${this.#pottle.url}/channels/${id}${first ? `?at=${first}#p${first}` : ''}`);
  }
}

const few = (count) => (count > MOST ? `${MOST}+` : String(count));
