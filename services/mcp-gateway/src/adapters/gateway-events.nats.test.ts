import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { householdSubject } from "@funkygibbon/events/subjects";
import type { RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestEvents, type TestEvents } from "../../../../test/support/test-events.ts";
import type { TouchedIds } from "../domain/graph-changes.ts";
import type { Said, Session } from "../domain/sessions.ts";
import { natsGraphChanges } from "./nats-graph-changes.ts";
import { natsSessionPeers } from "./nats-session-peers.ts";

let events: TestEvents;
beforeAll(async () => {
  events = await createTestEvents();
});
afterAll(() => events[Symbol.asyncDispose]());

const villa = parseHouseholdId("villa");

describe("commits", () => {
  it("tell the entities that they touched, the ends of relationships among them, or that it is not known", async () => {
    const bus = await events.connect();
    const heard: TouchedIds[] = [];
    await using _ = natsGraphChanges(bus).watch(villa, (touched) => void heard.push(touched));
    await bus.ping();
    const commit = (inline: boolean, versions: MessageInitShape<typeof RecordVersionSchema>[]) => {
      const data = toBinary(CommittedSchema, create(CommittedSchema, { householdId: villa, inline, versions }));
      return bus.publish(householdSubject(villa, "committed"), data);
    };
    const edge = { case: "relationship", value: { fromId: "lamp", toId: "kitchen" } } as const;
    await commit(true, [
      { recordId: "fridge", content: { case: "entity", value: {} } },
      { recordId: "edge", content: edge },
    ]);
    await commit(false, []);
    await bus.publish(householdSubject(parseHouseholdId("castle"), "committed"), new Uint8Array());
    await expect.poll(() => heard).toEqual([new Set(["fridge", "lamp", "kitchen"]), undefined]);
  });
});

describe("what a session says", () => {
  it("comes to the other replicas as it was said, and not back to the one that was told", async () => {
    const [first, second] = [await events.connect(), await events.connect()];
    const [here, there] = [natsSessionPeers(first), natsSessionPeers(second)];
    const echoes: Said[] = [];
    const heard: [Session, Said][] = [];
    await using _here = here.listen((_, said) => void echoes.push(said));
    await using _there = there.listen((session, said) => void heard.push([session, said]));
    await Promise.all([first.ping(), second.ping()]);
    const session = { household: villa, user: parseUserId("ada"), id: "a-session" };
    const said: Said[] = [
      { kind: "subscribe", uri: "funkygibbon://home" },
      { kind: "unsubscribe", uri: "funkygibbon://home" },
      { kind: "message", message: { jsonrpc: "2.0", id: "q", result: { action: "accept" } } },
    ];
    for (const each of said) here.tell(session, each);
    await expect.poll(() => heard).toEqual(said.map((each) => [session, each]));
    await first.ping();
    expect(echoes).toEqual([]);
  });
});
