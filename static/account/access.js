/** The page on how one signs in: password, where one is signed in, tokens. */
import './linked.js';
import './passkeys.js';
import './password.js';
import './tokens.js';
