/** Who else is told what happens in all groups. */
import { pottle } from '../pages.js';
import { showWebhooks } from '../webhooks.js';

showWebhooks(document, pottle, '/api/webhooks').follow();
