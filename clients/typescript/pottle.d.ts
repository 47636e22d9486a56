/** Types of static/pottle.js. The shapes are those of /openapi.json, which describes every field. */

export type Kind = "down" | "eyes" | "heart" | "hooray" | "laugh" | "up";

export interface User { uid: string; name: string; avatar: string | null; badge?: "moderator" | "admin" }
export interface Guest { guest: string }
export interface Anonymous { anonymous: boolean }
export type Author = User | Guest | Anonymous;


export interface Decision {
  id: number;
  reason: "off-topic" | "unkind" | "personal" | "solution" | "repeated" | "spam" | "other" | null;
  note: string | null;
  created: string;
  by?: string | null;
}

export interface Edit {
  body: string;
  html: string;
  state: "pending" | "removed";
  created: string;
  version: number;
  decision?: Decision;
}

export interface Post {
  id: number;
  channel: number;
  parent: number | null;
  author: Author;
  body: string;
  html: string;
  state: "published" | "pending" | "removed";
  reactions: { [kind: string]: number };
  replies: number;
  created: string;
  edited: string | null;
  version: number;
  pinned: boolean;
  endorsed: boolean;
  answer: boolean;
  edit?: Edit;
  decision?: Decision;
}

/** What became of one of many posts. */
export interface Outcome {
  post?: Post;
  error?: { type: string; title: string; status: number; detail?: string; errors?: { field: string; message: string }[] };
}

/** Which history of the database, and how far in it. */
export interface Position { epoch: string; seq: number }

/** Newest first. Its position is where a subscription goes on. */
export interface Page extends Position { posts: Post[]; next: string | null; prev: string | null }

export interface Channel {
  id: number;
  group: string;
  key: string;
  title: string;
  url: string | null;
  locked: boolean;
  pinned: boolean;
  state: "pending" | "published";
  posts: number;
  created: string;
  version: number;
  active: string;
  by?: string | null;
}

export interface Account {
  uid: string;
  name: string;
  email: string | null;
  role: "admin" | "user";
  avatar: string | null;
  created: string;
  version: number;
  language: string | null;
}

/** One committed fact of a stream; `prev` is the stream's change before it. */
export interface Change { channel?: number; stream?: string; seq: number; prev: number; kind: string; post?: Post }

/** A refusal, in the words of RFC 9457; `status` 0 says that the server could not be reached. */
export class Problem extends Error {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors: { field: string; message: string }[];
  /** The one that there is already, where it is refused for that. */
  channel?: number;
  /** Of the first factor, for the second one, and in what ways that can be given. */
  ticket?: string;
  ways?: ("app" | "recovery" | "passkey")[];
  /** Seconds. */
  retryAfter?: number;
}

export type State = "connecting" | "live" | "reconnecting" | "resetting" | "signed-out" | "failed" | "closed" | "error";
export interface Followed { close(): void }

export interface Options {
  /** The server's address: by default where the module was loaded from. */
  url?: string;
  token?: string;
  storage?: Storage;
  onSignedOut?: () => void;
  /** Asks for the password and calls `confirm`; resolves to whether that was done. */
  onConfirm?: () => Promise<boolean>;
  env?: object;
}

export interface Subscribing extends Partial<Position> {
  onChange: (change: Change) => void;
  /** Called when changes were missed for good: reads the list again and resolves to its position. */
  onReset: () => Promise<Position>;
  onState?: (state: State, detail?: unknown) => void;
}

export interface Pottle {
  url: string;
  sameOrigin: boolean;
  readonly hasToken: boolean;
  /** The connection and the token, for another client that is to use them too. */
  line: object;
  /** Any request of the API. Throws Problem. */
  api(method: string, path: string, body?: object, options?: { idempotencyKey?: string; ifMatch?: string }): Promise<any>;
  signUp(who: { uid: string; name: string; password: string; email?: string; invitation?: string }): Promise<Account>;
  signIn(who: { uid: string; password: string }): Promise<Account>;
  /** After a Problem with a `ticket`: a code of the authenticator app, or a recovery code. */
  giveSecond(second: { ticket: string; code: string }): Promise<Account>;
  /** From now on it asks as whoever this answer, which began a session, is for. */
  entered(session: { user: Account; token: string; expires: string }): Account;
  confirm(password: string, code?: string): Promise<unknown>;
  signOut(): Promise<void>;
  me(): Promise<Account | null>;
  channel(group: string, key: string, about?: { title?: string; url?: string }): Promise<Channel | null>;
  posts(channel: number, page?: { before?: string; after?: string; limit?: number }): Promise<Page>;
  post(
    channel: number, post: { body: string; parent?: number; guest?: string; anonymous?: boolean }, options?: { idempotencyKey?: string },
  ): Promise<Post>;
  /** Up to 500 at once, in their order, with an outcome for each. */
  postAll(
    channel: number,
    posts: { body: string; parent?: number; parent_index?: number; guest?: string; anonymous?: boolean }[],
    options?: { idempotencyKey?: string },
  ): Promise<Outcome[]>;
  /** Refused with 412 when `version` is no longer the post's. */
  edit(post: number, body: string, version?: number): Promise<Post>;
  remove(post: number, version?: number): Promise<unknown>;
  react(post: number, kind: Kind, on?: boolean): Promise<{ id: number; reactions: { [kind: string]: number } }>;
  myReactions(channel: number): Promise<{ post: number; kind: string }[]>;
  counts(group: string, keys: string[]): Promise<{ counts: { [key: string]: number } }>;
  /** Every change once and in order, across lost connections, or `onReset`. */
  subscribe(channel: number | string, options: Subscribing): Followed;
  /** The answer to a GET now, and each time that it has become another one. */
  watch<T = any>(path: string, onValue: (value: T) => void, options?: { onState?: (state: State, detail?: unknown) => void }): Followed;
}

export function connect(options?: Options): Pottle;
export function baseOf(address: string): string;

/** A channel's posts, kept in order as pages and changes come; see static/thread.js. */
export const thread: { [name: string]: (...args: any[]) => any };
