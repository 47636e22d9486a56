/** Where posts are found on our own pages. */

/** @param {string} base the server's address @returns {import('./view.js').Links} */
export const linksOf = (base) => ({ base, here: '#p', post: `${base}/posts/` });
