/** One's own picture: chosen, cut to a square by hand, shown, sent; or removed. */

const SIDE = 256; // pixels, as the server keeps it
const STEP = 8;

/** @param {HTMLElement} place as in templates/account.html @param {import('./pottle.js').Pottle} pottle */
export function choosesPicture(place, pottle) {
  const part = (selector) => place.querySelector(selector);
  const [file, canvas, zoom, cropping, saved] = ['[type=file]', 'canvas', '[type=range]', '.cropping', '.saved'].map(part);
  const removes = part('[data-do=remove]');
  const pen = canvas.getContext('2d');
  let image = null;
  let [x, y] = [0, 0]; // where its middle is, in pixels from the middle of the square

  const draw = () => {
    const scale = Math.max(SIDE / image.width, SIDE / image.height) * zoom.value;
    const [width, height] = [image.width * scale, image.height * scale];
    x = within(x, (width - SIDE) / 2);
    y = within(y, (height - SIDE) / 2);
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.drawImage(image, (SIDE - width) / 2 + x, (SIDE - height) / 2 + y, width, height);
  };
  const move = (right, down) => { x += right; y += down; draw(); };
  const done = (said) => {
    image?.close();
    image = null;
    file.value = '';
    cropping.hidden = true;
    saved.textContent = said ?? '';
  };
  /** @param {() => Promise<?string>} act resolves to the new picture's path, null for none */
  const change = async (act) => {
    try {
      const avatar = await act();
      show(part('.shown .avatar'), avatar && new URL(place.dataset.at + avatar.slice(avatar.indexOf('?')), location));
      removes.hidden = !avatar;
      done(saved.dataset.said);
    } catch ({ message }) {
      saved.textContent = message;
    }
  };

  file.addEventListener('change', async () => {
    const [chosen] = file.files;
    done();
    if (!chosen) return;
    image = await createImageBitmap(chosen).catch(() => null);
    if (!image) return done(saved.dataset.unreadable);
    [x, y, zoom.value] = [0, 0, 1];
    cropping.hidden = false;
    draw();
    canvas.focus();
  });
  zoom.addEventListener('input', draw);
  canvas.addEventListener('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); event.preventDefault(); canvas.focus(); });
  canvas.addEventListener('pointermove', ({ buttons, movementX, movementY }) => {
    const shown = SIDE / canvas.clientWidth;
    if (buttons) move(movementX * shown, movementY * shown);
  });
  canvas.addEventListener('keydown', (event) => {
    const { [event.key]: way } = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (!way) return;
    event.preventDefault();
    move(...way);
  });
  part('[data-do=cancel]').addEventListener('click', () => { done(); file.focus(); });
  part('[data-do=save]').addEventListener('click', () => change(async () => {
    const square = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
    const answer = await fetch(place.dataset.at, { method: 'PUT', body: square });
    const { avatar, detail } = await answer.json();
    if (!answer.ok) throw new Error(detail);
    return avatar;
  }));
  removes.addEventListener('click', () => change(async () => { await pottle.api('DELETE', '/api/me/avatar'); return null; }));
}

const within = (value, most) => Math.min(Math.max(value, -most), most);

/** A picture, or the letter that stands for one until the page is loaded again. */
function show(avatar, path) {
  if (!path) return avatar.replaceChildren((document.body.dataset.uid[0] ?? '').toUpperCase());
  avatar.replaceChildren(Object.assign(document.createElement('img'), { src: path, alt: '' }));
}
