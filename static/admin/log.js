/** What was done on the server, for admins. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { trail } from '../trail.js';

const part = (selector) => document.querySelector(selector);

const log = trail(part('#trail'), pottle, '/api/audit');
submits(part('#trail form'), async (values) => { log.query = values; await log.follow(); });
log.follow();
