/** A class list becomes accounts: names typed or from a file, and the codes to print and cut up. */
import { submits } from './forms.js';
import { texts } from './texts.js';

/**
 * @param {string} address where a code is used
 * @param {(csv: string) => Promise<{name: string, uid: string, code: string, expires: string}[]>} enrol
 */
export function showRoster(form, printable, address, enrol) {
  const { csv } = form.elements;
  const file = form.querySelector('[type=file]');
  const part = (selector) => printable.querySelector(selector);
  const swap = (shown) => { printable.hidden = !shown; document.querySelector('.managing').hidden = shown; };
  file.addEventListener('change', async () => { if (file.files[0]) csv.value = decoded(await file.files[0].arrayBuffer()); });
  part('[data-do=print]').addEventListener('click', () => window.print());
  part('[data-do=done]').addEventListener('click', () => swap(false));
  submits(form, async () => {
    const accounts = await enrol(csv.value);
    form.reset();
    part('.slips').replaceChildren(...accounts.map((made) => slip(part('template'), { ...made, address })));
    part('.until').textContent = new Date(accounts[0].expires).toLocaleDateString(document.documentElement.lang);
    swap(true);
    part('h2').focus();
    window.scrollTo({ top: 0 });
  });
}

function slip(template, account) {
  const made = template.content.firstElementChild.cloneNode(true);
  for (const name of ['name', 'uid', 'code', 'address']) made.querySelector(`.${name}`).textContent = account[name];
  return made;
}

/** As spreadsheets write it: UTF-8, UTF-16 with its mark, or Windows-1252. */
function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes);
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
