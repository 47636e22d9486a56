/** Somebody's history, on its page. */
import { pottle } from '../pages.js';
import { acts } from './person.js';

acts(document.querySelector('.history'), pottle, () => location.reload());
