/** The API's description: opens what a link leads to, and sends what somebody tries. */
import { submits } from './forms.js';

const { root } = document.querySelector('.api').dataset;
const SHOWN = ['content-type', 'etag', 'location', 'link', 'retry-after', 'ratelimit'];

for (const form of document.querySelectorAll('form.try')) {
  submits(form, async () => {
    const answer = form.querySelector('.answer');
    answer.textContent = await told(await fetch(...request(form)));
    answer.hidden = false;
    answer.focus();
  });
}

/** What fetch takes, of the fields of a form: `path:…`, `query:…` and `header:…`, and the body. */
function request(form) {
  const { method } = form.dataset;
  const [query, headers] = [new URLSearchParams(), new Headers({ Accept: 'application/json' })];
  let { path } = form.dataset;
  let body;
  for (const { name, value, files } of form.elements) {
    const [place, called] = name.split(':');
    if (place === 'body') body = files ? files[0] : value;
    if (place === 'path') path = path.replace(`{${called}}`, encodeURIComponent(value.trim()));
    if (place === 'query' && value) query.append(called, value);
    if (place === 'header' && value) headers.set(called, value);
  }
  if (body !== undefined) headers.set('Content-Type', typeof body === 'string' ? 'application/json' : 'application/octet-stream');
  const token = document.querySelector('#token').value.trim();
  if (token) headers.set('Authorization', `Bearer ${token}`);
  return [`${root}${path}${query.size ? `?${query}` : ''}`, { method, headers, body, credentials: token ? 'omit' : 'same-origin' }];
}

async function told(response) {
  const head = SHOWN.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
  return [`${response.status} ${response.statusText}`, ...head, '', await content(response)].join('\n');
}

async function content(response) {
  const kind = response.headers.get('content-type') ?? '';
  if (!/json|text/.test(kind)) return `(${(await response.blob()).size} bytes)`;
  const text = await response.text();
  return kind.includes('json') && text ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

/** A link to what is folded up unfolds it. */
function unfold() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(found instanceof HTMLDetailsElement)) return;
  found.open = true;
  found.scrollIntoView();
}

addEventListener('hashchange', unfold);
unfold();

/** Shows what has all the words that are looked for, and hides chapters of which nothing is left. */
const search = document.querySelector('#find');
const found = search.closest('p').querySelector('[role=status]');
search.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const parts = [...document.querySelectorAll('.operation')];
  for (const part of parts) {
    const text = part.textContent.toLowerCase();
    part.hidden = !words.every((word) => text.includes(word));
  }
  for (const chapter of document.querySelectorAll('.card:has(.operation)')) chapter.hidden = !chapter.querySelector('.operation:not([hidden])');
  found.textContent = words.length ? `${parts.filter(({ hidden }) => !hidden).length}` : '';
});
