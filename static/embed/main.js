/** The script of the tag: `<pottle-thread>` and the like, for pages of any site. */
export { connect } from '../pottle.js';
