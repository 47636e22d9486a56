// What every call of those front ends sends. Only `pythonURI`, in config.js, says where the back end is.
export const options = (method, body) => ({
  method,
  mode: "cors",
  cache: "default",
  credentials: "include",
  headers: { "Content-Type": "application/json", "X-Origin": "client" },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

export const call = (path, method = "GET", body = undefined) => fetch(pythonURI + path, options(method, body));

export const at = (id) => document.getElementById(id);

// In the corner of every page: who is signed in, put there as HTML.
export async function corner() {
  const answer = await call("/api/id");
  if (!answer.ok) return null;
  const me = await answer.json();
  at("corner").innerHTML = `<a href="profile.html">${me.name}</a>`;
  return me;
}
