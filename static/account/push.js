/** The switch for news on this device, and the button that installs Pottle as an app. */
import { account, pottle } from '../pages.js';
import { can, isOn, switchOff, switchOn } from '../push.js';
import { _ } from '../texts.js';

const section = document.querySelector('#push'); // not where the operator wants no pushes
const part = (selector) => section.querySelector(selector);
const button = (does) => part(`[data-do=${does}]`);
const said = section?.querySelector('.saved');
const OF_APPLE = /iPhone|iPad/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

/** Why it cannot be switched on here; empty where it can. */
function obstacle() {
  if (can) return Notification.permission === 'denied' ? 'denied' : '';
  if (!isSecureContext) return 'insecure';
  return OF_APPLE ? 'apple' : 'unsupported';
}

async function look() {
  const why = obstacle();
  section.querySelectorAll('[data-why]').forEach((told) => { told.hidden = told.dataset.why !== why; });
  const state = await pottle.api('GET', '/api/me/push');
  const on = can && isOn(state);
  button('on').hidden = on || Boolean(why);
  button('off').hidden = button('test').hidden = !on;
  part('.on').hidden = !on;
  const others = state.subscriptions.filter(({ current }) => !current || !on).map(({ device }) => device || _('A browser'));
  part('.others').hidden = others.length === 0;
  part('.others span').textContent = others.join(', ');
}

async function attempt(button, task, done) {
  button.disabled = true;
  said.textContent = '';
  try {
    await task();
    said.textContent = done;
  } catch (problem) {
    said.textContent = excuse(problem);
  }
  button.disabled = false;
  await look();
}

function excuse({ name, message }) {
  if (name === 'NotAllowedError') return Notification.permission === 'denied' ? '' : _('The browser was not allowed to.');
  if (name === 'AbortError') return _('The browser does not reach its push service. Some browsers have a setting for that.');
  return message;
}

if (section) {
  const does = (name, task, done) => button(name).addEventListener('click', ({ currentTarget }) => attempt(currentTarget, task, done));
  does('on', () => switchOn(pottle, account), '');
  does('off', () => switchOff(pottle), _('It is off.'));
  does('test', () => pottle.api('POST', '/api/me/push/test'), _('It is on its way.'));
  look().catch((problem) => { said.textContent = problem.message; });
}

const install = document.querySelector('#install');
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault();
  install.hidden = false;
  install.querySelector('button').onclick = async () => {
    await event.prompt();
    install.hidden = (await event.userChoice).outcome === 'accepted';
  };
});
