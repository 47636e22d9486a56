/** The second factor: what signing in asks for besides the password, where somebody has set it up. */

const NEEDED = 'urn:pottle:second-factor-needed';

/**
 * Signs in by `enter`.
 * @param {(problem: {ticket: string, ways: string[]}) => Promise<any>} ask  asks for the second factor
 * @returns {Promise<any>} what either of them resolves to; true for nothing
 */
export async function withSecond(enter, ask) {
  try {
    return await enter() ?? true;
  } catch (problem) {
    if (problem.type !== NEEDED) throw problem;
    return ask(problem);
  }
}
