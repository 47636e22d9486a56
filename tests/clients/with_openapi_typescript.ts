// What a client does with openapi-typescript's types and openapi-fetch: node with_openapi_typescript.js URL
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./openapi-typescript/schema";

async function go(url: string): Promise<void> {
  const anyone = createClient<paths>({ baseUrl: url });
  const who = { uid: "ot", password: "correct horse battery" };
  await anyone.POST("/api/users", { body: { ...who, name: "Ada" } });
  const session = await anyone.POST("/api/session", { body: who });
  assert(session.data);
  const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${session.data.token}` } });

  const opened = await client.POST("/api/groups/{slug}/channels", {
    params: { path: { slug: "home" } },
    body: { key: "ot", title: "By a client" },
  });
  assert(opened.data);
  const path = { channel_id: opened.data.id };
  const first = await client.POST("/api/channels/{channel_id}/posts", { params: { path }, body: { body: "First" } });
  const second = await client.POST("/api/channels/{channel_id}/posts", { params: { path }, body: { body: "Second" } });
  assert(first.data && second.data && "uid" in first.data.author);
  assert.equal(first.data.author.uid, "ot");

  const page = await anyone.GET("/api/channels/{channel_id}/posts", { params: { path, query: { limit: 1 } } });
  assert(page.data?.next);
  const query = { limit: 1, before: page.data.next };
  const older = await anyone.GET("/api/channels/{channel_id}/posts", { params: { path, query } });
  assert(older.data);
  assert.deepEqual([...page.data.posts, ...older.data.posts].map((post) => post.id), [second.data.id, first.data.id]);

  const one = { path: { post_id: first.data.id } };
  const etag = (await anyone.GET("/api/posts/{post_id}", { params: one })).response.headers.get("ETag")!;
  const matching = { params: { ...one, header: { "If-Match": etag } } };
  const edited = await client.PATCH("/api/posts/{post_id}", { ...matching, body: { body: "Edited" } });
  assert.equal(edited.data?.body, "Edited");
  const late = await client.PATCH("/api/posts/{post_id}", { ...matching, body: { body: "Late" } });
  assert.equal(late.error?.status, 412);

  assert.equal((await client.DELETE("/api/posts/{post_id}", { params: one })).response.status, 204);
  assert.equal((await anyone.GET("/api/posts/{post_id}", { params: one })).error?.type, "urn:pottle:not-found");
}

go(process.argv[2]).then(() => console.log("All went well."));
