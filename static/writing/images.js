/** Images for a post: chosen, pasted or dropped; described, made smaller here, and sent. */
import { _ } from '../texts.js';
import { type } from './marking.js';

const LARGE = 3_000_000; // bytes, from which on it is made smaller before it is sent
const SIDE = 2_400; // pixels; the server makes it smaller yet
const KINDS = 'image/png,image/jpeg,image/gif,image/webp';

export class Images {
  #form; #pottle; #channel; #me; #place = null;

  constructor(form, pottle, channel, me) {
    this.#form = form;
    this.#pottle = pottle;
    this.#channel = channel;
    this.#me = me;
    const field = form.elements.body;
    field.addEventListener('paste', (event) => this.#given(event, event.clipboardData));
    field.addEventListener('dragover', (event) => { if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); });
    field.addEventListener('drop', (event) => this.#given(event, event.dataTransfer));
  }

  /** Opens the browser's own dialog. */
  choose() {
    const input = made('input', { type: 'file', accept: KINDS });
    input.addEventListener('change', () => input.files[0] && this.#describe(input.files[0]));
    input.click();
  }

  /** A text that is pasted with an image counts more: spreadsheets give both. */
  #given(event, data) {
    const file = [...(data?.files ?? [])].find(({ type: kind }) => kind.startsWith('image/'));
    if (!file || data.types.includes('text/plain') || !this.#me()) return;
    event.preventDefault();
    this.#describe(file);
  }

  /** Asks what it shows. */
  #describe(file) {
    this.#place?.remove();
    const place = made('div', { className: 'describes', role: 'group', ariaLabel: _('Image') });
    const label = made('label', { className: 'field', textContent: _('What does the image show? Say it for those who cannot see it.') });
    const says = made('input', { maxLength: 500, dir: 'auto', autocomplete: 'off' });
    const add = made('button', { type: 'button', className: 'button', textContent: _('Add image') });
    const cancel = made('button', { type: 'button', className: 'quiet', textContent: _('Cancel') });
    const note = made('p', { className: 'field-error', role: 'alert', hidden: true });
    const buttons = made('p', { className: 'buttons' });
    label.append(' ', says);
    buttons.append(made('bdi', { className: 'hint', textContent: file.name }), cancel, add);
    place.append(label, note, buttons);
    this.#form.elements.body.closest('.field').after(place);
    this.#place = place;
    const close = () => { place.remove(); this.#form.elements.body.focus(); };
    const complain = (words) => { Object.assign(note, { hidden: false, textContent: words }); says.focus(); };
    const go = async () => {
      const words = says.value.replace(/[[\]\n]/g, ' ').trim();
      if (!words) return complain(_('Please say in a few words what it shows.'));
      add.disabled = true;
      try {
        const { url } = await this.#send(file);
        close();
        type(this.#form.elements.body, `![${words}](${url})`);
      } catch (problem) {
        complain(problem.message);
      } finally {
        add.disabled = false;
      }
      return undefined;
    };
    add.addEventListener('click', go);
    cancel.addEventListener('click', close);
    says.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') close();
      if (event.key !== 'Enter' || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation(); // with Ctrl, the form would be sent
      go();
    });
    says.focus();
  }

  async #send(file) {
    const body = await smaller(file).catch(() => file); // one that this browser cannot draw is the server's to judge
    let answer;
    try {
      answer = await fetch(`${this.#pottle.url}/api/images?channel=${this.#channel}`, { method: 'POST', body });
    } catch {
      throw new Error(_('The server cannot be reached. Please try again.'));
    }
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.errors?.[0]?.message ?? found.detail ?? answer.statusText);
    return found;
  }
}

async function smaller(file) {
  if (file.size < LARGE || file.type === 'image/gif') return file;
  const picture = await createImageBitmap(file);
  const by = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = made('canvas', { width: Math.round(picture.width * by), height: Math.round(picture.height * by) });
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob((blob) => resolve(blob ?? file), 'image/webp', 0.9); });
}

const made = (name, fields) => Object.assign(document.createElement(name), fields);
