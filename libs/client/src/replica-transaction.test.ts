import fc from "fast-check";
import { expect, it } from "vitest";
import { endsOf } from "./edit-queue.ts";
import { type Edit, type EditState, freshMeta } from "./replica-record.ts";
import { ReplicaTransaction } from "./replica-transaction.ts";
import { sampleEdit, sampleId, sampleMeta } from "./testing/sample-replica.ts";

const IDS = 4;
const STATES: readonly EditState[] = [
  { kind: "unsent" },
  { kind: "sent" },
  { kind: "dead", rejection: { reason: "REJECTED", field: "", message: "" } },
];

/** An edit of one of a few records, as one of a few versions of it; some of the records are edges. */
const edit: fc.Arbitrary<Edit> = fc
  .record({ at: fc.nat(IDS - 1), version: fc.nat(1), end: fc.nat(IDS - 1), state: fc.constantFrom(...STATES) })
  .map(({ at, version, end, state }) => {
    const sequence = IDS * version + at + 1;
    const ends = { from: sampleId(at), to: sampleId(end) };
    const content = { kind: "relationship", type: "part_of", source: "manual", bodyJson: "{}", ...ends } as const;
    return sampleEdit(at, {
      ...(at % 2 === 0 ? {} : { content }),
      version: sampleEdit(sequence).version,
      sequence,
      state,
    });
  });

it("a transaction knows at every moment at which records edges end that are to be pushed", () => {
  const change = fc.record({ edit, how: fc.constantFrom("put", "remove"), asks: fc.boolean() });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), fc.array(change, { maxLength: 12 }), (before, changes) => {
      const first = new ReplicaTransaction({
        meta: freshMeta(sampleMeta().deviceId),
        base: new Map(),
        editsByRecord: new Map(),
        pending: new Map(),
      });
      for (const one of before) first.putEdit(one);
      const pending = new Map([...first.pendingEdits()].map((one) => [one.version, one]));
      const tx = new ReplicaTransaction({
        meta: first.meta,
        base: new Map(),
        editsByRecord: first.changedEdits(),
        pending,
      });
      for (const { edit, how, asks } of changes) {
        if (how === "put") tx.putEdit(edit);
        else tx.removeEdit(edit);
        if (!asks) continue;
        const ends = new Set([...tx.pendingEdits()].flatMap(({ content }) => endsOf(content)));
        for (let n = 0; n < IDS; n++) expect(tx.isPendingEnd(sampleId(n))).toBe(ends.has(sampleId(n)));
      }
    }),
  );
});
