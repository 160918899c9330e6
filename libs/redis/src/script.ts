import { createHash } from "node:crypto";
import { internal } from "@funkygibbon/kernel/errors";
import type { RedisConnection, RunOptions } from "./connection.ts";

/** What Lua sends back: integers, strings, nil, and lists of these. */
export type LuaReply = number | string | null | readonly LuaReply[];

/** A Lua script, which Redis runs without anything in between. */
export interface RedisScript {
  readonly name: string;
  /** Runs it; all keys have to share one hash tag. @throws as {@link RedisConnection.run} */
  run(connection: RedisConnection, call: ScriptCall, options?: RunOptions): Promise<LuaReply>;
}

/** The arguments of one run: `KEYS` and `ARGV`. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args?: readonly (string | number | Buffer)[];
}

/**
 * Defines a script. It is sent by its hash, and as text only when Redis does not know it, after a restart for example.
 * @param name for errors.
 * @param numberOfKeys how many `KEYS` it takes.
 */
export function defineScript(name: string, numberOfKeys: number, lua: string): RedisScript {
  const hash = createHash("sha1").update(lua).digest("hex");
  return {
    name,
    run(connection, { keys, args = [] }, options) {
      if (keys.length !== numberOfKeys) throw internal(`script ${name} takes ${numberOfKeys} keys, not ${keys.length}`);
      const values = [...keys, ...args];
      return connection.run(async (client) => {
        try {
          return (await client.evalsha(hash, numberOfKeys, ...values)) as LuaReply;
        } catch (error) {
          if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
          return (await client.eval(lua, numberOfKeys, ...values)) as LuaReply;
        }
      }, options);
    },
  };
}
