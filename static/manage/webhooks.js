/** Who else is told what happens in a group. */
import { pottle } from '../pages.js';
import { showWebhooks } from '../webhooks.js';
import { group } from './group.js';

showWebhooks(document, pottle, `${group}/webhooks`).follow();
