/** What is asked for while somebody types, and given up when they go on typing. */

/**
 * @param {import('./line.js').Line} line @param {AbortSignal} signal @returns {Promise<any>} the parsed answer to a GET, by whoever is asking
 * @throws {Error} with the `status` of a refusal; also when it was aborted
 */
export async function got(line, path, signal) {
  const token = line.token();
  const headers = { ...line.env.headers(), ...token && { Authorization: `Bearer ${token}` } };
  const answer = await line.env.fetch(line.url + path, { headers, credentials: line.credentials, signal });
  if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
  return answer.json();
}
