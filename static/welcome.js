/** The first steps, until whoever sets the server up has had enough of them. */
const section = document.querySelector('.welcome');
const SLOT = 'welcome:away';

section.hidden = isAway();
section.querySelector('[data-do=put-away]').addEventListener('click', () => {
  section.hidden = true;
  Object.assign(document.querySelector('h1'), { tabIndex: -1 }).focus();
  try { localStorage.setItem(SLOT, 'yes'); } catch { /* then it is there again with the next page */ }
});

function isAway() {
  try { return localStorage.getItem(SLOT) !== null; } catch { return false; }
}
