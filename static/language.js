/** Our own pages in their language: waits for its texts, which are a module of the server's (pottle/http/texts.py). */
import { speak } from './texts.js';

const { lang, dataset } = document.documentElement;
const found = dataset.texts ? await import(dataset.texts) : {};
speak(lang, found.default);
