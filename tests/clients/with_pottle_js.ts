// clients/typescript/pottle.d.ts against static/pottle.js, as tsc reads it, and against the document. It only has to compile.
import type * as declared from "./pottle";
import type * as written from "./written/pottle";
import type { components } from "./openapi-typescript/schema";

type Schemas = components["schemas"];
type Written = ReturnType<typeof written.connect>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : { missing: B }) : { wrong: A };

const names: Same<keyof typeof declared, keyof typeof written> = true;
type Public = Exclude<keyof Written, `__#${string}`>; // tsc lists private names of a mixin
const methods: Same<keyof declared.Pottle, Public> = true;
const shapes: [
  Same<declared.Post, Schemas["PostView"]>,
  Same<declared.Channel, Schemas["ChannelView"]>,
  Same<declared.Account, Schemas["Account"]>,
  Same<declared.Page, Schemas["PostsView"]>,
  Same<Awaited<ReturnType<declared.Pottle["react"]>>, Schemas["Reactions"]>,
  Same<Awaited<ReturnType<declared.Pottle["counts"]>>, Schemas["CountsView"]>,
  Same<declared.Problem["errors"][0], Schemas["WrongField"]>,
] = [true, true, true, true, true, true, true];

export async function use(pottle: declared.Pottle): Promise<string> {
  const channel = await pottle.channel("home", "lobby", { title: "Lobby" });
  if (!channel) return "";
  const read = () => pottle.posts(channel.id, { limit: 20 });
  const seen: string[] = [];
  const followed = pottle.subscribe(channel.id, {
    ...(await read()),
    onChange: ({ post }) => { if (post && "uid" in post.author) seen.push(post.author.name); },
    onReset: read,
  });
  pottle.watch<Schemas["GroupsView"]>("/api/groups", ({ groups }) => seen.push(groups[0].name));
  await pottle.react(1, "heart");
  // @ts-expect-error there is no such kind
  await pottle.react(1, "applause");
  // @ts-expect-error a gap would be silent
  pottle.subscribe(channel.id, { onChange: () => {} });
  followed.close();
  return [...seen, names, methods, shapes].join();
}
