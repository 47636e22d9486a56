/** On a group's page: the tag for pages of other sites, and whether it works on a site that is named. */
import { submits } from './forms.js';
import { Problem } from './pottle.js';
import { _ } from './texts.js';

/**
 * @param {HTMLElement} section
 * @param {() => string[]} sites the origins that are allowed
 * @param {(origin: string) => Promise<void>} allow
 */
export function showSite(section, sites, allow) {
  const part = (selector) => section.querySelector(selector);
  const form = part('form');
  const { address } = form.elements;
  const tag = part('.tag').textContent;

  const look = () => {
    const origin = originOf(address.value);
    const listed = sites().includes(origin);
    part('[type=submit]').hidden = !address.value.trim() || listed;
    part('.listed').textContent = !address.value.trim() ? allowed(sites()) : !origin ? _('Please write an address such as https://class.example.')
      : isRefused(origin, tag) ? _('%(origin)s has https and this server’s address does not: browsers would not load it there. Whoever runs the server can change that.', { origin })
      : listed ? _('%(origin)s is allowed: put the line into a page there.', { origin })
      : _('%(origin)s is not allowed yet: people could read there, but neither sign in nor post.', { origin });
  };
  address.addEventListener('input', look);
  submits(form, async () => {
    const origin = originOf(address.value);
    if (!origin) throw new Problem({ errors: [{ field: 'address', message: _('Please write an address such as https://class.example.') }] });
    if (!sites().includes(origin)) await allow(origin);
    look();
  });
  const copy = part('[data-do=copy]');
  copy.hidden = !navigator.clipboard; // on plain http there is none
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(tag);
    copy.textContent = _('Copied');
  });
  look();
  return { look };
}

const allowed = (sites) => (sites.length === 0 ? _('No site is allowed yet.') : _('Allowed: %(sites)s', { sites: sites.join(', ') }));

/** Of `class.example/page` too, as people write it. @returns {string} empty where it is no address of a site */
function originOf(text) {
  const typed = text.trim();
  const scheme = /^(localhost|127\.|\[)/.test(typed) ? 'http' : 'https';
  try {
    const { origin, protocol, hostname } = new URL(/^[a-z]+:\/\//i.test(typed) ? typed : `${scheme}://${typed}`);
    return /^https?:$/.test(protocol) && /[.]|^localhost$/.test(hostname) ? origin : '';
  } catch {
    return '';
  }
}

/** Whether browsers refuse the tag on pages of an origin, because it is less safe than they are. */
function isRefused(origin, tag) {
  const { protocol, hostname } = new URL(/src="([^"]*)"/.exec(tag)[1]);
  return origin.startsWith('https:') && protocol === 'http:' && !/^(localhost|127\.)/.test(hostname);
}
