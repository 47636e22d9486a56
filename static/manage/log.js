/** What was done in a group. */
import { pottle } from '../pages.js';
import { trail } from '../trail.js';
import { group, part } from './group.js';

trail(part('#trail'), pottle, `${group}/audit`).follow();
