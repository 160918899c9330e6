import { fromBinary } from "@bufbuild/protobuf";
import type { EventBus } from "@funkygibbon/events/connection";
import { householdSubject } from "@funkygibbon/events/subjects";
import type { RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type Committed, CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { GraphChanges, TouchedIds } from "../domain/graph-changes.ts";

/** Commits over NATS. What was missed while NATS was away counts as anything having changed. */
export function natsGraphChanges(bus: EventBus): GraphChanges {
  return {
    watch(household, listener) {
      const subscription = bus.subscribe(householdSubject(household, "committed"), ({ data }) =>
        listener(touchedBy(fromBinary(CommittedSchema, data))),
      );
      const forget = bus.onAvailabilityChange((available) => {
        if (available) listener(undefined);
      });
      return {
        async [Symbol.asyncDispose]() {
          forget();
          await subscription[Symbol.asyncDispose]();
        },
      };
    },
  };
}

function touchedBy({ inline, versions }: Committed): TouchedIds {
  return inline ? new Set(versions.flatMap(idsIn)) : undefined;
}

function idsIn({ recordId, content }: RecordVersion): readonly string[] {
  return content.case === "relationship" ? [content.value.fromId, content.value.toId] : [recordId];
}
