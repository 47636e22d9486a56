/** The menu of what may be done to posts, for pages of other sites: imported when it is opened, with its look. */
import { Menu as OfPages } from '../menu.js';

const LOOK = `.menu{position:absolute;inset-block-start:100%;z-index:9;max-width:100%;padding:.3em;background:canvas;border:1px solid var(--line);border-radius:var(--radius);box-shadow:0 .2em 1em #0005}
.menu p{display:flex;flex-wrap:wrap;margin:0}.picker button{border:1px solid #0000;font-size:1em}
.report label{display:block;margin-block-end:.4em}.report :is(select,input){display:block;max-width:100%}`;

export class Menu extends OfPages {
  constructor(section, ...more) {
    super(section, ...more);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(LOOK);
    section.getRootNode().adoptedStyleSheets.push(sheet);
  }
}
