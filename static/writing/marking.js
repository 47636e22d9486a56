/** Markdown around what is selected in a field. What is done so can be undone with the browser's own Undo. */

/** Puts `text` where the selection is, as if it was typed. */
export function type(field, text) {
  field.focus();
  if (!document.execCommand('insertText', false, text)) field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

/** Marks the selection on both sides, or takes the marks away where they are; without a selection, `instead` is what is marked. */
export function around(field, mark, instead) {
  const { value, selectionStart: from, selectionEnd: to } = field;
  const marked = value.slice(from - mark.length, from) === mark && value.slice(to, to + mark.length) === mark;
  const text = value.slice(from, to) || instead;
  if (marked) field.setSelectionRange(from - mark.length, to + mark.length);
  type(field, marked ? text : mark + text + mark);
  const begin = marked ? from - mark.length : from + mark.length;
  field.setSelectionRange(begin, begin + text.length);
}

/** Begins each line of the selection with `mark`, or takes it away where all lines have it. */
export function before(field, mark) {
  const { value, selectionStart, selectionEnd } = field;
  const from = value.lastIndexOf('\n', selectionStart - 1) + 1;
  const end = value.indexOf('\n', selectionEnd);
  const to = end < 0 ? value.length : end;
  const lines = value.slice(from, to).split('\n');
  const all = lines.every((line) => line.startsWith(mark));
  field.setSelectionRange(from, to);
  type(field, lines.map((line) => (all ? line.slice(mark.length) : mark + line)).join('\n'));
}

/** Several lines as a block of code, some words within a line as such. */
export function code(field, instead) {
  const { value, selectionStart: from, selectionEnd: to } = field;
  const text = value.slice(from, to);
  if (!text.includes('\n')) return around(field, '`', instead);
  const apart = from > 0 && value[from - 1] !== '\n' ? '\n' : '';
  return type(field, `${apart}\`\`\`\n${text.replace(/\n$/, '')}\n\`\`\`\n`);
}

/** A link: the address is selected, to be written over; of a selected address, what the link says. */
export function link(field, words) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const text = value.slice(from, to);
  const isAddress = /^(https?:\/\/|www\.)\S+$/.test(text);
  const [says, address] = isAddress ? [words, text] : [text || words, 'https://'];
  type(field, `[${says}](${address})`);
  const begin = isAddress ? from + 1 : from + says.length + 3;
  field.setSelectionRange(begin, begin + (isAddress ? says : address).length);
}
