import { useEffect } from 'react';

const POTTLE = 'https://your-pottle.example';

/**
 * A live discussion. `page` is what it is found by, such as a path; JSX keeps `key` for itself, so it is `data-key` below.
 * @param {{group: string, page: string, title: string, order?: 'newest' | 'oldest', theme?: 'auto' | 'light' | 'dark', signedBy?: string}} props
 *   `signedBy` is your server's signed token for its own user, if you have single sign-on
 */
export function Discussion({ group, page, title, order, theme, signedBy }) {
  useEffect(() => { import(/* webpackIgnore: true */ /* @vite-ignore */ `${POTTLE}/embed.js`); }, []);
  return <pottle-thread key={page} data-group={group} data-key={page} data-title={title} data-order={order} data-theme={theme} data-sso={signedBy} />;
}

/** How many posts a page has, live. */
export function Count({ group, page }) {
  return <pottle-count data-group={group} data-key={page} />;
}
