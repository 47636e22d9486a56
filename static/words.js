/** Texts of pages with their values: `_('Joined by %(name)s', { name })`. */

export const _ = (message, values = {}) => message.replace(/%\((\w+)\)s/g, (all, name) => values[name]);

/** With a number, which is the value `num`. */
export const ngettext = (one, many, num, values = {}) => _(num === 1 ? one : many, { num, ...values });
