// What a client does with orval's functions, which know no server: node with_orval.js URL
import assert from "node:assert/strict";
import * as pottle from "./orval/client";

async function go(url: string): Promise<void> {
  const send = fetch;
  globalThis.fetch = (path, options) => send(new URL(String(path), url), options);
  const who = { uid: "orval", password: "correct horse battery" };
  await pottle.usersCreate({ ...who, name: "Ada" });
  const session = await pottle.sessionCreate(who);
  assert.equal(session.status, 201);
  assert("token" in session.data);
  const headers = { Authorization: `Bearer ${session.data.token}` };

  const opened = await pottle.channelsCreate("home", { key: "orval", title: "By a client" }, { headers });
  assert("id" in opened.data);
  const first = await pottle.postsCreate(opened.data.id, { body: "First" }, { headers });
  const second = await pottle.postsCreate(opened.data.id, { body: "Second" }, { headers });
  assert("author" in first.data && "author" in second.data && "uid" in first.data.author);
  assert.equal(first.data.author.uid, "orval");

  const page = await pottle.postsIndex(opened.data.id, { limit: 1 });
  assert("posts" in page.data && page.data.next);
  const older = await pottle.postsIndex(opened.data.id, { limit: 1, before: page.data.next });
  assert("posts" in older.data);
  assert.deepEqual([...page.data.posts, ...older.data.posts].map((post) => post.id), [second.data.id, first.data.id]);

  const etag = (await pottle.postsShow(first.data.id)).headers.get("ETag")!;
  const matching = { headers: { ...headers, "If-Match": etag } };
  const edited = await pottle.postsEdit(first.data.id, { body: "Edited" }, matching);
  assert("body" in edited.data);
  assert.equal(edited.data.body, "Edited");
  assert.equal((await pottle.postsEdit(first.data.id, { body: "Late" }, matching)).status, 412);

  assert.equal((await pottle.postsDelete(first.data.id, { headers })).status, 204);
  assert.equal((await pottle.postsShow(first.data.id)).status, 404);
}

go(process.argv[2]).then(() => console.log("All went well."));
