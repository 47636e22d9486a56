/** What Markdown can do here, in a few lines, below the toolbar. */
import { _ } from '../texts.js';

const LINES = () => [
  ['**…**', _('bold')],
  ['*…*', _('italic')],
  ['`…`', _('code')],
  ['```python', _('lines of code in colours, until the next ```')],
  ['> …', _('a quote')],
  ['- …', _('a list')],
  ['1. …', _('a list with numbers')],
  ['- [ ] …  - [x] …', _('a task, and one that is done')],
  ['[…](https://…)', _('a link')],
  ['@…', _('somebody, who finds it in their inbox')],
  ['…[^1]  [^1]: …', _('a footnote, and below what it says')],
  ['| … | … |', _('a table, with |---|---| below its first line')],
];

/** @returns {HTMLElement} hidden */
export function guide() {
  const list = made('dl', { className: 'guide', hidden: true });
  for (const [typed, becomes] of LINES()) {
    const term = made('dt');
    term.append(made('code', { textContent: typed, dir: 'ltr' }));
    const pair = made('div');
    pair.append(term, made('dd', { textContent: becomes }));
    list.append(pair);
  }
  return list;
}

const made = (name, fields) => Object.assign(document.createElement(name), fields);
