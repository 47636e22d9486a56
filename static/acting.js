/** Buttons in forms that do something else than send them. The tag's script (static/embed) has none, and so not this. */
import { busy, values } from './forms.js';

/**
 * Has a button of a form that does not send it do something with what is typed; problems are told as those of `submits`.
 * @param {(values: object) => Promise<void>} action
 */
export function acts(button, form, action) {
  button.addEventListener('click', () => form.ariaBusy !== 'true' && busy(form, () => action(values(form))));
}
