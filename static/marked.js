/** Somebody came to a post from a search: the words that it was found by stand out in it. */
const words = new URLSearchParams(location.search).getAll('word').filter(Boolean).map((word) => word.toLowerCase());
const body = document.querySelector(`${/^#p\d+$/.test(location.hash) ? location.hash : '.named'} .body`);

if (body && 'highlights' in CSS) CSS.highlights.set('found', new Highlight(...found(body, words)));

function* found(within, sought) {
  const texts = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue; // some letters are two when they are small
    for (const word of sought) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        yield new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + word.length });
      }
    }
  }
}
