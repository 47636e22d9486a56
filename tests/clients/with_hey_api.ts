// What a client does with hey-api's functions: node with_hey_api.js URL
import assert from "node:assert/strict";
import { client } from "./hey-api/client.gen";
import * as pottle from "./hey-api";

async function go(url: string): Promise<void> {
  client.setConfig({ baseUrl: url });
  const who = { uid: "hey", password: "correct horse battery" };
  await pottle.usersCreate({ body: { ...who, name: "Ada" } });
  const session = await pottle.sessionCreate({ body: who });
  assert(session.data);
  client.setConfig({ auth: session.data.token });

  const opened = await pottle.channelsCreate({ path: { slug: "home" }, body: { key: "hey", title: "By a client" } });
  assert(opened.data);
  const path = { channel_id: opened.data.id };
  const first = await pottle.postsCreate({ path, body: { body: "First" } });
  const second = await pottle.postsCreate({ path, body: { body: "Second" }, headers: { "Idempotency-Key": "second" } });
  assert(first.data && second.data && "uid" in first.data.author);
  assert.equal(first.data.author.uid, "hey");

  const page = await pottle.postsIndex({ path, query: { limit: 1 } });
  assert(page.data?.next);
  const older = await pottle.postsIndex({ path, query: { limit: 1, before: page.data.next } });
  assert(older.data);
  assert.deepEqual([...page.data.posts, ...older.data.posts].map((post) => post.id), [second.data.id, first.data.id]);

  const one = { path: { post_id: first.data.id } };
  const etag = (await pottle.postsShow(one)).response!.headers.get("ETag")!;
  const matching = { ...one, headers: { "If-Match": etag } };
  assert.equal((await pottle.postsEdit({ ...matching, body: { body: "Edited" } })).data?.body, "Edited");
  assert.equal((await pottle.postsEdit({ ...matching, body: { body: "Late" } })).error?.status, 412);

  assert.equal((await pottle.postsDelete(one)).response!.status, 204);
  assert.equal((await pottle.postsShow(one)).error?.type, "urn:pottle:not-found");
}

go(process.argv[2]).then(() => console.log("All went well."));
