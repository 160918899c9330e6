import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConflictRecordSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { SyncStreamResponseSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import { describe, expect, it } from "vitest";
import { CursorCodec } from "../domain/cursor.ts";
import type { LogPage } from "../domain/log-page.ts";
import { FrameBudget } from "./frame-budget.ts";
import { SessionVoice } from "./session-voice.ts";

const MIB = 1024 * 1024;
const ground = {
  household: parseHouseholdId("home"),
  epoch: parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21"),
};

/** A transport that takes nothing until {@link DeafDevice.listen}. */
class DeafDevice {
  readonly handed: Encoded[] = [];
  readonly #taken: (() => void)[] = [];

  send(frame: Encoded): Promise<void> {
    this.handed.push(frame);
    return new Promise((resolve) => this.#taken.push(resolve));
  }

  listen(): void {
    for (const taken of this.#taken.splice(0)) taken();
  }

  get kinds() {
    return this.handed.map(({ bytes }) => fromBinary(SyncStreamResponseSchema, bytes).frame.case);
  }
}

function voiceTo(sink: DeafDevice, frameBudget = new FrameBudget(8 * MIB)): SessionVoice {
  return new SessionVoice({
    kind: "stream",
    sink,
    parts: {
      cursors: new CursorCodec(() => new Uint8Array(32)),
      frameBudget,
      clock: { now: () => 0 },
      random: () => 0,
    },
    ground,
    tombstonesAboveSeq: 0,
    onGone: () => {},
  });
}

/** A page of one record of a mebibyte. */
function largePage(throughSeq: number): LogPage {
  const records = () => [new Uint8Array(MIB)];
  return {
    epoch: ground.epoch,
    afterSeq: throughSeq - 1,
    throughSeq,
    entries: [],
    position: { epoch: ground.epoch, headSeq: throughSeq, digest: 0n, committedUs: 0 },
    snapshotSeq: throughSeq,
    byteLength: MIB,
    wholeRecords: records,
    ownRecords: records,
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("I12: to a device that takes nothing", () => {
  it("at most one of each small frame is waiting, however often it pings and is asked to sync", async () => {
    const deaf = new DeafDevice();
    const voice = voiceTo(deaf);
    for (let nonce = 0n; nonce < 1_000n; nonce += 1n) {
      voice.pong(nonce + 1n);
      voice.pong(0n);
      voice.syncRequested("somebody asked");
    }
    await settle();
    expect(deaf.kinds.toSorted()).toEqual(["pong", "pong", "syncRequested"]);

    deaf.listen();
    await settle();
    voice.pong(1_001n);
    expect(deaf.handed).toHaveLength(4);
  });

  it("64 KiB of conflicts wait, and in place of the rest one word that there was more", async () => {
    const deaf = new DeafDevice();
    const voice = voiceTo(deaf);
    const conflict = (id: string) => ({
      bytes: toBinary(ConflictRecordSchema, create(ConflictRecordSchema, { id, etag: "x".repeat(20_000) })),
    });
    const told = () =>
      deaf.handed.map(({ bytes }) => {
        const { frame } = fromBinary(SyncStreamResponseSchema, bytes);
        return frame.case === "conflictChanged" ? (frame.value.conflict?.id ?? "more") : frame.case;
      });
    for (let number = 0; number < 100; number++) voice.conflictChanged(conflict(`c${number}`));
    await settle();
    expect(told()).toEqual(["c0", "c1", "c2"]);

    deaf.listen();
    await settle();
    expect(told()).toEqual(["c0", "c1", "c2", "more"]);
    deaf.listen();
    await settle();
    voice.conflictChanged({ bytes: new Uint8Array(MIB) });
    expect(deaf.handed).toHaveLength(5);
  });

  it("pages wait until the process has room for them, and give it back when they are taken", async () => {
    const budget = new FrameBudget(4 * MIB);
    const [deaf, other] = [new DeafDevice(), new DeafDevice()];
    const voices = [voiceTo(deaf, budget), voiceTo(other, budget)];
    const sent = voices.flatMap((voice) =>
      [1, 2].map((seq) =>
        voice.page({
          page: largePage(seq),
          runs: [{ first: 0, end: 1, own: false }],
          frameId: seq,
          backlog: true,
          headSeq: 2,
          snapshotSeq: 2,
        }),
      ),
    );
    await settle();
    // One household has half of the budget.
    expect(deaf.handed.length + other.handed.length).toBe(2);
    expect(budget.usedBytes).toBe(2 * MIB);

    for (let round = 0; round < 4; round++) {
      deaf.listen();
      other.listen();
      await settle();
    }
    await Promise.all(sent);
    expect(budget.usedBytes).toBe(0);
  });
});
