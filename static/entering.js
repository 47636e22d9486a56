/** The pages on which one signs in, signs up or proves who one is: by a passkey too, which needs a script. */
import { account, pottle } from './pages.js';
import { confirm, fills, offers, signIn, signUp } from './passkeys.js';

const page = document.querySelector('.entering');
const form = (ending) => page.querySelector(`form[action$="/${ending}"]`);
const root = document.querySelector('.brand').pathname.replace(/\/$/, '');
const goOn = () => location.assign(root + page.dataset.next);

const enters = (enter) => account.enter(enter, goOn);
offers(form('sign-in'), () => enters(() => signIn(pottle)));
offers(form('sign-up'), (values) => enters(() => signUp(pottle, values)));
offers(page.querySelector('form.needs-js'), () => confirm(pottle).then(goOn));
if (form('sign-in')) fills(form('sign-in'), (more) => enters(() => signIn(pottle, more)));
