/** How the server is, kept fresh while somebody looks. */
import { pottle } from '../pages.js';

const EVERY_MS = 15_000;
const section = document.querySelector('#health');
const { lang } = document.documentElement;
const number = (value) => value.toLocaleString(lang);

function show(server) {
  for (const place of section.querySelectorAll('[data-fact]')) {
    const value = server[place.dataset.fact];
    place.textContent = 'size' in place.dataset ? size(value) : typeof value === 'number' ? number(value) : value;
  }
  const time = section.querySelector('time');
  if (time && server.backup) time.setAttribute('datetime', server.backup);
  section.querySelectorAll('[data-warning]').forEach((place) => { place.hidden = !server.warnings.includes(place.dataset.warning); });
  section.querySelector('.all-well').hidden = server.warnings.length > 0;
}

/** Bytes for people: 1.4 GB. */
function size(bytes) {
  const power = Math.min(3, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)));
  const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte'][power];
  return new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }).format(bytes / 1000 ** power);
}

const look = () => document.hidden || pottle.api('GET', '/api/server').then(show, () => {});
look();
setInterval(look, EVERY_MS);
document.addEventListener('visibilitychange', look);
