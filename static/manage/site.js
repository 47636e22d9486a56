/** A group on pages of other sites: the tag, which sites may show it, and the secrets of single sign-on. */
import { submits } from '../forms.js';
import { pottle } from '../pages.js';
import { showSecrets } from '../secrets.js';
import { showSite } from '../site.js';
import { _ } from '../texts.js';
import { change, group, page, part, words } from './group.js';

const { origins } = part('#sites form').elements;
let allowed = words(page.dataset.origins);

async function allow(sites) {
  allowed = (await change({ origins: sites })).origins;
  origins.defaultValue = allowed.join('\n');
}

const site = part('#site') && showSite(part('#site'), () => allowed, async (origin) => {
  const typed = words(origins.value);
  await allow([...allowed, origin]);
  origins.value = [...typed, origin].join('\n'); // with what waits there to be saved
});

submits(part('#sites form'), async () => {
  await allow(words(origins.value));
  part('#sites .saved').textContent = _('Saved.');
  site?.look();
});

showSecrets(part('#secrets'), pottle, group).follow();
