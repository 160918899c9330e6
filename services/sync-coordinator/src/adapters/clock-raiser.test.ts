import { create } from "@bufbuild/protobuf";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { type Epoch, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { describe, expect, it, vi } from "vitest";
import type { LiveClocks } from "../domain/ports.ts";
import { EventfulClocks } from "./clock-raiser.ts";

const household = parseHouseholdId("the-lovelaces");
const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const younger = parseEpoch("0192f3b1-7c4e-7a10-8f2d-1c5a9b7e4d21");

function setUp() {
  const raise = vi.fn<LiveClocks["raise"]>(async () => {});
  const clocks = new EventfulClocks({ raise, read: async () => undefined, replace: async () => {} });
  const own = (headSeq: number, of: Epoch = epoch) =>
    clocks.raise({
      household,
      position: { epoch: of, headSeq, digest: 0n, committedUs: 0 },
      firstSeq: headSeq,
      entry: undefined,
    });
  const event = (toSeq: number, of: Epoch = epoch) =>
    clocks.committed(
      create(CommittedSchema, {
        householdId: household,
        epoch: of,
        fromSeq: BigInt(toSeq),
        toSeq: BigInt(toSeq),
        atHead: true,
      }),
    );
  const raised = () => raise.mock.calls.map(([{ position }]) => [position.epoch, position.headSeq]);
  return { own, event, raised };
}

describe("a live clock", () => {
  it("rises with what went past the coordinators, and not again with what was raised here", async () => {
    const { own, event, raised } = setUp();
    await own(7);
    await event(7);
    await event(8);
    expect(raised()).toEqual([
      [epoch, 7],
      [epoch, 8],
    ]);
  });

  it("hears of a younger log, which is shorter", async () => {
    const { own, event, raised } = setUp();
    await own(1_000);
    await event(901, younger);
    expect(raised().at(-1)).toEqual([younger, 901]);
  });
});
