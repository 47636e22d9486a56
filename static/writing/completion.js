/** `@an` in a text: who that may be, to choose from. Members see who is in their group; others, who has written on the page. */
import { _, ngettext } from '../texts.js';
import { type } from './marking.js';

const BEGUN = /(?:^|[^\w@.+-])@([\w.-]{0,40})$/;
const MOST = 8;
let lists = 0;

/** @param {HTMLTextAreaElement} field */
export function completes(field, pottle, account) {
  const list = made('ul', { className: 'candidates', id: `candidates-${lists += 1}`, role: 'listbox', ariaLabel: _('People'), hidden: true });
  const said = made('span', { className: 'visually-hidden', role: 'status' });
  field.closest('.field').after(list, said);
  field.setAttribute('aria-autocomplete', 'list');
  field.setAttribute('aria-controls', list.id);
  let asked = 0;

  const close = () => {
    asked += 1;
    list.hidden = true;
    list.replaceChildren();
    field.removeAttribute('aria-activedescendant');
    said.textContent = '';
  };
  const typed = () => (field.selectionStart === field.selectionEnd ? BEGUN.exec(field.value.slice(0, field.selectionStart))?.[1] : undefined);
  const current = () => list.querySelector('[aria-selected=true]');

  const mark = (option) => {
    list.querySelectorAll('[role=option]').forEach((other) => { other.ariaSelected = String(other === option); });
    field.setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  };
  const choose = ({ dataset: { uid } }) => {
    const beginning = typed() ?? '';
    field.setSelectionRange(field.selectionStart - beginning.length, field.selectionStart);
    close();
    type(field, `${uid} `);
    close();
  };
  const show = (people) => {
    list.replaceChildren(...people.map(({ uid, name }, at) => {
      const option = made('li', { id: `${list.id}-${at}`, role: 'option', ariaSelected: 'false' });
      option.dataset.uid = uid;
      option.append(made('bdi', { textContent: name }), ' ', made('span', { className: 'soft', textContent: `@${uid}`, dir: 'ltr' }));
      return option;
    }));
    list.hidden = false;
    said.textContent = ngettext('%(num)s person to choose from', '%(num)s people to choose from', people.length);
    mark(list.firstElementChild);
  };

  field.addEventListener('input', async () => {
    const beginning = account.me ? typed() : undefined;
    if (beginning === undefined) { if (!list.hidden) close(); return; }
    const turn = asked += 1;
    const people = await found(beginning, field, pottle, account.me);
    if (turn !== asked) return;
    if (people.length > 0) show(people);
    else close();
  });
  field.addEventListener('keydown', (event) => {
    if (list.hidden || event.isComposing) return;
    const option = current();
    const doings = {
      ArrowDown: () => mark(option.nextElementSibling ?? list.firstElementChild),
      ArrowUp: () => mark(option.previousElementSibling ?? list.lastElementChild),
      Enter: () => choose(option), Tab: () => choose(option), Escape: close,
    };
    if (!(event.key in doings) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    doings[event.key]();
  });
  field.addEventListener('blur', close);
  list.addEventListener('pointerdown', (event) => {
    event.preventDefault(); // the field keeps the focus
    const option = event.target.closest('[role=option]');
    if (option) choose(option);
  });
}

async function found(beginning, field, pottle, me) {
  const { group, standing } = field.closest('.discussion').dataset;
  const here = written(field.closest('.discussion')).filter((person) => person.uid !== me.uid && begins(person, beginning));
  const asks = standing || me.role === 'admin';
  const answer = asks ? await pottle.api('GET', `/api/groups/${group}/people?${new URLSearchParams({ q: beginning })}`).catch(() => null) : null;
  const all = new Map([...here, ...(answer?.people ?? [])].map((person) => [person.uid, person]));
  return [...all.values()].slice(0, MOST);
}

/** Who has written what the page shows. */
function written(section) {
  const articles = [...section.querySelectorAll('.post[data-uid]')].filter(({ dataset: { uid } }) => uid);
  return articles.map((article) => ({ uid: article.dataset.uid, name: article.querySelector('.author').textContent }));
}

function begins({ uid, name }, beginning) {
  const small = beginning.toLowerCase();
  return uid.toLowerCase().startsWith(small) || name.toLowerCase().split(' ').some((word) => word.startsWith(small));
}

const made = (name, fields) => Object.assign(document.createElement(name), fields);
