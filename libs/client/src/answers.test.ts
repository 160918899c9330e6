import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { discardDeadEdit, reopenAnswers } from "./answers.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Edit } from "./replica-record.ts";
import {
  answer,
  clock,
  EDGE,
  LAMP,
  nameOf,
  pulled,
  ROOM,
  receive,
  relate,
  replica,
  send,
  write,
} from "./testing/sample-edits.ts";

describe("answers", () => {
  it("bury a rejected edit and lead later ones past it", async () => {
    await (await replica()).transact("local", (tx) => {
      receive(tx, pulled(1));
      const bad = write(tx, LAMP, "bad");
      send(tx);
      write(tx, LAMP, "better");
      answer(tx, bad, "rejected", { reason: "BODY_TOO_LARGE" });
      expect(tx.topEdit(LAMP)?.parents).toEqual([pulled(1).version]);
      expect(tx.editsOf(LAMP)[0]?.state).toMatchObject({ kind: "dead", rejection: { reason: "BODY_TOO_LARGE" } });
      expect(discardDeadEdit(tx, bad?.version as VersionId)).toBe(true);
      expect(tx.editsOf(LAMP)).toHaveLength(1);
    });
  });

  it("show the base again when the only edit was rejected", async () => {
    await (await replica()).transact("local", (tx) => {
      receive(tx, pulled(1));
      const bad = write(tx, LAMP, "bad");
      send(tx);
      answer(tx, bad, "rejected", { reason: "X" });
      expect(nameOf(tx)).toBe("pulled 1");
    });
  });

  it("send a deferred edge again later, with the time of its first answer", async () => {
    await (await replica()).transact("local", (tx) => {
      const edge = relate(tx);
      expect(send(tx)).toHaveLength(1);
      const firstUs = clock.now();
      answer(tx, edge, "deferred");
      expect(send(tx)).toEqual([]);
      clock.nowUs += 2_000;
      expect(send(tx)[0]?.state).toMatchObject({ kind: "deferred", sinceUs: firstUs });
      answer(tx, edge, "deferred");
      expect(tx.topEdit(EDGE)?.state).toMatchObject({ sinceUs: firstUs });
    });
  });

  it("bury an edge whose end was rejected, whichever answer comes first", async () => {
    for (const order of ["end first", "edge first"]) {
      await (await replica()).transact("local", (tx) => {
        const lamp = write(tx, LAMP, "lamp");
        const edge = relate(tx);
        send(tx);
        const answers = [
          () => answer(tx, lamp, "rejected", { reason: "INVALID_JSON" }),
          () => answer(tx, edge, "deferred"),
        ];
        for (const say of order === "end first" ? answers : answers.reverse()) say();
        expect(tx.editsOf(EDGE)[0]?.state).toMatchObject({ rejection: { reason: "ENDPOINT_REJECTED" } });
      });
    }
  });

  it("show that the device was cloned when its version was used before, and lose nothing", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "rejected", { reason: "VERSION_REUSED" });
      expect(tx.meta.forked).toBe(true);
      expect(tx.editsOf(LAMP)[0]?.state.kind).toBe("unsent");
    });
  });

  it("of a log that is gone are asked for again", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "applied", { seq: 7 });
      reopenAnswers(tx);
      expect(send(tx)).toEqual([{ ...edit, state: { kind: "sent" } }]);
    });
  });

  it("are sent again before what was made after them, in the same transaction, in later ones and after a restart", async () => {
    const store = new MemoryStore();
    const opened = await replica(store);
    const made = await opened.transact("local", (tx) => {
      const lamp = write(tx, LAMP, "lamp");
      const room = write(tx, ROOM, "room");
      send(tx);
      answer(tx, lamp, "applied", { seq: 7 });
      answer(tx, room, "applied", { seq: 8 });
      const edge = relate(tx);
      return [lamp, room, edge].map((edit) => edit?.version);
    });
    const inOrder = (edits: Iterable<Edit>) => [...edits].map(({ version }) => version);
    await opened.transact("local", (tx) => {
      reopenAnswers(tx);
      expect(inOrder(tx.pendingEdits())).toEqual(made);
    });
    expect(inOrder(opened.pendingEdits())).toEqual(made);
    await opened.transact("local", (tx) => expect(inOrder(send(tx))).toEqual(made));
    expect(inOrder((await replica(store)).pendingEdits())).toEqual(made);
  });
});
