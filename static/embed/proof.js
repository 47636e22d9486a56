/** Proof of work, for pages of other sites: imported when a guest has to do it. */
export { solved } from '../proof.js';
