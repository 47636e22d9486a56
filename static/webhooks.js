/** Webhooks, of a group or of all: a list that lives, with what was sent to each. */
import { ask } from './dialogs.js';
import { submits } from './forms.js';
import { Listing, at } from './listing.js';
import { _, ngettext } from './texts.js';

const STATES = { waiting: () => _('waits'), delivered: () => _('delivered'), dead: () => _('given up') };

/** @param {ParentNode} root has the section and that of the deliveries; `path` is where the webhooks are in the API */
export function showWebhooks(root, pottle, path) {
  const section = root.querySelector('#webhooks');
  const form = section.querySelector('form');
  const of = (id, more = '') => `/api/webhooks/${id}${more}`;
  const deliveries = new Deliveries(root, pottle, of);

  const show = (said, secret) => section.querySelector('.fresh').replaceChildren(said, ' ', Object.assign(document.createElement('code'), { textContent: secret }));

  const list = new Listing(section, pottle, {
    path, plural: 'webhooks',
    fill(part, hook) {
      part('.to').textContent = new URL(hook.url).host;
      part('.to').title = hook.kinds.join(', ');
      part('.off').textContent = hook.active ? '' : _('off');
      part('.in-group').textContent = path === '/api/webhooks' ? hook.group ?? _('all groups') : '';
      part('.counts').textContent = counted(hook);
      part('.told').textContent = hook.trouble ?? '';
      part('[data-do=switch]').textContent = hook.active ? _('Switch off') : _('Switch on');
      deliveries.now(hook);
    },
    actions: {
      async test({ id }, button) {
        const { code, state, trouble } = await pottle.api('POST', of(id, '/test'));
        const done = state === 'delivered' ? _('The test was received (%(code)s).', { code }) : _('The test was not received: %(why)s', { why: trouble });
        button.closest('.hook').querySelector('.told').textContent = done;
        return false;
      },
      async deliveries(hook) {
        await deliveries.show(hook);
        return false;
      },
      switch: ({ id, active, version }) => pottle.api('PATCH', of(id), { active: !active }, { ifMatch: `"${version}-0"` }),
      async rotate({ id }) {
        if (!await ask({ title: _('Make a new secret?'), text: _('For a day, the one before signs as well.'), action: _('Make a secret') })) return false;
        show(_('The new secret, shown this once:'), (await pottle.api('POST', of(id, '/secret'))).secret);
        return true;
      },
      async delete(hook) {
        if (!await ask({ title: _('Delete this webhook?'), text: _('What it has not sent is never sent.'), action: _('Delete') })) return false;
        await pottle.api('DELETE', of(hook.id));
        deliveries.gone(hook);
        return true;
      },
    },
  });

  submits(form, async ({ url, format }) => {
    const kinds = [...form.querySelectorAll('.kinds input:checked')].map(({ value }) => value);
    const { secret } = await pottle.api('POST', path, { url, format, kinds });
    form.elements.url.value = '';
    show(_('Its secret, shown this once, by which the receiver knows that a message is ours:'), secret);
    await list.reload();
  });
  return list;
}

const counted = ({ waiting, dead }) => [
  waiting && ngettext('%(num)s message waits', '%(num)s messages wait', waiting),
  dead && ngettext('%(num)s message was given up', '%(num)s messages were given up', dead),
].filter(Boolean).join(' · ');

/** What was sent to one webhook, below the list. */
class Deliveries {
  #place; #pottle; #of; #hook; #list = null; #all;

  constructor(root, pottle, of) {
    this.#place = root.querySelector('.of-hook');
    this.#pottle = pottle;
    this.#of = of;
    this.#all = this.#place.querySelector('.buttons');
    this.#all.querySelector('button').addEventListener('click', () => this.#list.after(() => this.#again(null)));
  }

  /** How that webhook is now. */
  now({ id, dead }) { if (id === this.#hook) this.#all.hidden = !dead; }

  gone({ id }) { if (id === this.#hook) this.#place.hidden = true; }

  async show(hook) {
    const { id, url } = hook;
    this.#hook = id;
    this.now(hook);
    this.#place.hidden = false;
    const heading = this.#place.querySelector('h2');
    heading.textContent = _('Sent to %(host)s', { host: new URL(url).host });
    this.#list ??= this.#made();
    await this.#list.follow();
    heading.focus();
  }

  #made() {
    const hook = () => this.#hook;
    const path = this.#of;
    return new Listing(this.#place.querySelector('#deliveries'), this.#pottle, {
      get path() { return path(hook(), '/deliveries'); },
      plural: 'deliveries',
      fill(part, { kind, state, attempts, code, trouble, created }) {
        part('.kind').textContent = kind;
        part('.state').textContent = STATES[state]();
        part('.state').classList.toggle('off', state !== 'delivered');
        const tries = attempts > 1 ? ngettext('%(num)s attempt', '%(num)s attempts', attempts) : '';
        part('.result').textContent = [trouble ?? code, tries].filter(Boolean).join(' · ');
        at(part('time'), created);
        part('[data-do=again]').hidden = state !== 'dead' || kind === 'webhook.test';
      },
      actions: { again: ({ id }) => this.#again(id) },
    });
  }

  #again(id) { return this.#pottle.api('POST', this.#of(this.#hook, '/again'), { delivery: id }); }
}
