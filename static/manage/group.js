/** What the pages of a group's moderators share. */
import { pottle } from '../pages.js';

export const part = (selector) => document.querySelector(selector);
export const page = part('.managing');
export const slug = page.dataset.group;
export const group = `/api/groups/${slug}`;
export const channelPage = (id) => page.dataset.page.replace(/0(?=\/?$)/, id);
export const words = (text) => text.split(/\s+/).filter(Boolean);

/** Changes the group, which nobody else shall have changed since the page was made. @returns {Promise<object>} how it is now */
export async function change(fields) {
  const now = await pottle.api('PATCH', group, fields, { ifMatch: `"${page.dataset.version}-0"` });
  page.dataset.version = now.version;
  return now;
}
