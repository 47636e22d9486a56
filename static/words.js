/** The same as texts.js, for modules that still name it so. */
export { _, ngettext } from './texts.js';
