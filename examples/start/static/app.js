/** The page of tasks: what the server rendered comes alive. */
import { Client } from './pottle/client.js';

const [said, entry, add, list] = ['said', 'entry', 'add', 'tasks'].map((id) => document.getElementById(id));
const pottle = new Client({ onSignedOut: () => meet(null) });

const made = (tag, fields, ...parts) => {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...parts);
  return element;
};

/** What somebody does: a refusal is said, and what was typed stays. */
async function attempt(action) {
  said.textContent = '';
  try {
    await action();
  } catch (problem) {
    said.textContent = [problem.message, ...(problem.errors ?? []).map(({ message }) => message)].join(' ');
  }
}

function meet(user) {
  list.dataset.uid = user?.uid ?? '';
  entry.hidden = Boolean(user);
  add.hidden = !user;
  for (const box of list.querySelectorAll('input')) box.disabled = !user;
}

function show({ tasks }) {
  list.replaceChildren(...tasks.map(({ id, text, by, done }) => {
    const box = made('input', { type: 'checkbox', checked: done, disabled: !list.dataset.uid });
    box.addEventListener('change', () => attempt(() => pottle.api('PATCH', `/api/tasks/${id}`, { done: box.checked })));
    return made('li', {}, made('label', {}, box, ' ', made('span', { dir: 'auto', textContent: text })), ' ', made('small', { dir: 'auto', textContent: by }));
  }));
  if (!tasks.length) list.append(made('li', { className: 'none', textContent: 'Nothing yet.' }));
}

function submits(form, action) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(async () => { await action(Object.fromEntries(new FormData(form)), event.submitter); form.reset(); });
  });
  for (const button of form.querySelectorAll('button')) button.disabled = false;
}

submits(entry, async ({ uid, password }, button) => {
  meet(await (button.value === 'new' ? pottle.signUp({ uid, name: uid, password }) : pottle.signIn({ uid, password })));
});
submits(add, (values) => pottle.api('POST', '/api/tasks', values));
document.getElementById('sign-out').addEventListener('click', () => attempt(async () => { await pottle.signOut(); meet(null); }));
pottle.watch('/api/tasks', show);
