import { setImmediate } from "node:timers/promises";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import { describe, expect, test } from "vitest";
import { recordId } from "../../test/changes.ts";
import { sha256 } from "../../test/memory-log.ts";
import { checkTerms, type TermedHead } from "./head-terms.ts";

const version = parseVersion("2026-11-22T09:41:02.581Z-phone-000417").id;

function heads(count: number): TermedHead[] {
  return Array.from({ length: count }, (_, n) => {
    const record = parseRecordId(recordId(n));
    return [record, version, digestTerm(record, version, sha256)];
  });
}

describe("the terms of all live heads", () => {
  test("sum up to the digest, and those that are wrong are named", async () => {
    const [first, second] = heads(2);
    if (first === undefined || second === undefined) throw new Error("there are two");
    const digest = addToDigest(first[2], second[2]);
    expect(await checkTerms([first, second], { sha256, othersTurn: setImmediate })).toEqual({ digest, wrong: [] });
    expect(await checkTerms([first, [second[0], second[1], 7n]], { sha256, othersTurn: setImmediate })).toEqual({
      digest,
      wrong: [second[0]],
    });
    expect(await checkTerms([], { sha256, othersTurn: setImmediate })).toEqual({ digest: 0n, wrong: [] });
  });

  test("of a large home keep nobody waiting", async () => {
    let done = false;
    const checked = checkTerms(heads(5_000), { sha256, othersTurn: setImmediate }).then(() => {
      done = true;
    });
    await setImmediate();
    expect(done).toBe(false);
    await checked;
  });
});
