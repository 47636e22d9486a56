// What a client does with openapi-generator's typescript-fetch classes: node with_typescript_fetch.js URL
import assert from "node:assert/strict";
import { ChannelsApi, Configuration, PostsApi, ResponseError, SessionApi, UsersApi } from "./typescript-fetch";

async function refused(request: Promise<unknown>): Promise<number> {
  const error = await request.then(() => null, (reason: unknown) => reason);
  assert(error instanceof ResponseError, String(error));
  return error.response.status;
}

async function go(url: string): Promise<void> {
  const anyone = new Configuration({ basePath: url });
  const who = { uid: "ogts", password: "correct horse battery" };
  await new UsersApi(anyone).usersCreate({ newUser: { ...who, name: "Ada" } });
  const session = await new SessionApi(anyone).sessionCreate({ credentials: who });
  const known = new Configuration({ basePath: url, accessToken: session.token });
  const posts = new PostsApi(known);

  const newChannel = { key: "ogts", title: "By a client" };
  const channel = await new ChannelsApi(known).channelsCreate({ slug: "home", newChannel });
  const channelId = channel.id;
  const first = await posts.postsCreate({ channelId, newPost: { body: "First" } });
  const second = await posts.postsCreate({ channelId, newPost: { body: "Second" }, idempotencyKey: "second" });
  assert("uid" in first.author);
  assert.equal(first.author.uid, "ogts");
  assert(second.created >= first.created);

  const page = await new PostsApi(anyone).postsIndex({ channelId, limit: 1 });
  assert(page.next);
  const older = await new PostsApi(anyone).postsIndex({ channelId, limit: 1, before: page.next });
  assert.deepEqual([...page.posts, ...older.posts].map((post) => post.id), [second.id, first.id]);

  const postId = first.id;
  const ifMatch = (await posts.postsShowRaw({ postId })).raw.headers.get("ETag")!;
  assert.equal((await posts.postsEdit({ postId, postEdit: { body: "Edited" }, ifMatch })).body, "Edited");
  assert.equal(await refused(posts.postsEdit({ postId, postEdit: { body: "Late" }, ifMatch })), 412);

  await posts.postsDelete({ postId });
  assert.equal(await refused(posts.postsShow({ postId })), 404);
}

go(process.argv[2]).then(() => console.log("All went well."));
