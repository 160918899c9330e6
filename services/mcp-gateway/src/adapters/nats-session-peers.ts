import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { EventBus } from "@funkygibbon/events/connection";
import { everyHousehold, householdSubject } from "@funkygibbon/events/subjects";
import { type AssistantSaid, AssistantSaidSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { assertNever } from "@funkygibbon/kernel/must";
import type { Said, SessionPeers } from "../domain/sessions.ts";

/** The other replicas over NATS; while it is away, each replica knows only what it was told itself. */
export function natsSessionPeers(bus: EventBus): SessionPeers {
  const replica = randomUUID();
  return {
    tell({ household, user, id }, said) {
      const event = { replica, householdId: household, userId: user, sessionId: id, said: toWire(said) };
      const data = toBinary(AssistantSaidSchema, create(AssistantSaidSchema, event));
      bus.publish(householdSubject(household, "assistant"), data).catch(() => {});
    },

    listen(listener) {
      return bus.subscribe(everyHousehold("assistant"), ({ data }) => {
        const event = fromBinary(AssistantSaidSchema, data);
        const said = fromWire(event.said);
        if (event.replica === replica || said === undefined) return;
        const session = {
          household: parseHouseholdId(event.householdId),
          user: parseUserId(event.userId),
          id: event.sessionId,
        };
        listener(session, said);
      });
    },
  };
}

function toWire(said: Said): Exclude<AssistantSaid["said"], { case: undefined }> {
  switch (said.kind) {
    case "message":
      return { case: "messageJson", value: JSON.stringify(said.message) };
    case "subscribe":
      return { case: "subscribeUri", value: said.uri };
    case "unsubscribe":
      return { case: "unsubscribeUri", value: said.uri };
    default:
      return assertNever(said, "what was said");
  }
}

function fromWire(said: AssistantSaid["said"]): Said | undefined {
  switch (said.case) {
    case "messageJson":
      return { kind: "message", message: JSON.parse(said.value) };
    case "subscribeUri":
      return { kind: "subscribe", uri: said.value };
    case "unsubscribeUri":
      return { kind: "unsubscribe", uri: said.value };
    default:
      return undefined;
  }
}
