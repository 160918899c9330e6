import { describe, expect, test } from "vitest";
import { judgeSessionKey, rotatedKeys, type SessionKeys } from "./device-registry.ts";

const key = (n: number) => Uint8Array.of(n);
const equal = (a: Uint8Array, b: Uint8Array) => a[0] === b[0];
const judge = (presented: Uint8Array | undefined, keys: SessionKeys) => judgeSessionKey(presented, keys, equal).kind;

describe("a session key", () => {
  test("is trusted when it is one of the last two, and tells a clone otherwise", () => {
    const keys = { current: key(2), previous: key(1) };
    expect(judge(key(2), keys)).toBe("trusted");
    expect(judge(key(1), keys)).toBe("trusted");
    expect(judge(key(9), keys)).toBe("forked");
  });

  test("that is missing, or that nobody can know after a restore, tells nothing", () => {
    expect(judge(undefined, { current: key(2), previous: undefined })).toBe("trusted");
    expect(judge(key(9), { current: undefined, previous: undefined })).toBe("trusted");
  });

  test("stays good for a device that dies before it stores the next one, however often", () => {
    let keys: SessionKeys = { current: key(1), previous: undefined };
    for (const next of [2, 3, 4]) {
      expect(judge(key(1), keys)).toBe("trusted");
      keys = rotatedKeys(key(next), key(1), keys);
    }
    expect(keys).toEqual({ current: key(4), previous: key(1) });
  });

  test("stays good after a restore for a device that never sees the first welcome of it", () => {
    const forgotten: SessionKeys = { current: undefined, previous: undefined };
    const { kind, ...verdict } = judgeSessionKey(key(1), forgotten, equal);
    const presented = "presented" in verdict ? verdict.presented : undefined;
    expect(kind).toBe("trusted");
    expect(judge(key(1), rotatedKeys(key(2), presented, forgotten))).toBe("trusted");
  });
});
