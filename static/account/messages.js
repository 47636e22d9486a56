/** The page on how one hears of what is new. */
import './feed.js';
import './notices.js';
import './push.js';
