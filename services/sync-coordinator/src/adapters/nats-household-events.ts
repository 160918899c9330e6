import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { EventBus, EventMessage } from "@funkygibbon/events/connection";
import { type EventKind, everyHousehold, householdSubject } from "@funkygibbon/events/subjects";
import {
  type Committed,
  CommittedSchema,
  ConflictChangedSchema,
  ControlSchema,
  PresenceChangedSchema,
} from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, HouseholdId } from "@funkygibbon/kernel/ids";
import type { Announcements, DeviceRef, SessionRef, SyncTelemetry } from "../domain/ports.ts";
import type { FeedEvents, HouseholdSink } from "./household-feeds.ts";

/** Of all replicas, one is given each commit for its clock. */
const CLOCK_QUEUE = "sync-coordinator-clocks";

/** Events of households over NATS. Events may be lost, and nothing here waits or fails for them. */
export class NatsHouseholdEvents implements FeedEvents, Announcements {
  readonly #bus: EventBus;
  readonly #telemetry: Pick<SyncTelemetry, "degraded">;

  constructor(bus: EventBus, telemetry: Pick<SyncTelemetry, "degraded">) {
    this.#bus = bus;
    this.#telemetry = telemetry;
  }

  get available(): boolean {
    return this.#bus.available;
  }

  onAvailabilityChange(listener: () => void): () => void {
    return this.#bus.onAvailabilityChange(listener);
  }

  subscribe(household: HouseholdId, sink: HouseholdSink): { readonly active: Promise<void> } & AsyncDisposable {
    const committed = this.#bus.subscribe(householdSubject(household, "committed"), ({ data }) =>
      sink.onCommitted(fromBinary(CommittedSchema, data)),
    );
    const control = this.#bus.subscribe(householdSubject(household, "control"), ({ data }) =>
      sink.onControl(fromBinary(ControlSchema, data)),
    );
    const conflict = this.#bus.subscribe(householdSubject(household, "conflict"), ({ data }) =>
      sink.onConflictChanged(fromBinary(ConflictChangedSchema, data)),
    );
    return {
      // The round trip is answered after the server has taken the subscriptions. While it is away, polls find all.
      active: this.#bus.ping().catch(() => {}),
      async [Symbol.asyncDispose]() {
        await Promise.all([committed, control, conflict].map((subscription) => subscription[Symbol.asyncDispose]()));
      },
    };
  }

  /** Each commit of any household comes to one replica, so that clocks rise with writes that no coordinator saw. */
  onEveryCommit(listener: (event: Committed) => void): AsyncDisposable {
    const handler = ({ data }: EventMessage) => listener(fromBinary(CommittedSchema, data));
    return this.#bus.subscribe(everyHousehold("committed"), handler, { queue: CLOCK_QUEUE });
  }

  requestSync(household: HouseholdId, device: DeviceId | undefined, reason: string): void {
    const value = { deviceId: device ?? "", reason };
    this.#publish(household, "control", ControlSchema, {
      householdId: household,
      command: { case: "requestSync", value },
    });
  }

  superseded({ household, device, session }: SessionRef): void {
    const value = { deviceId: device, sessionId: session };
    this.#publish(household, "control", ControlSchema, {
      householdId: household,
      command: { case: "supersede", value },
    });
  }

  forgotten({ household, device }: DeviceRef): void {
    const value = { deviceId: device };
    this.#publish(household, "control", ControlSchema, { householdId: household, command: { case: "forget", value } });
  }

  presence({ household, device }: DeviceRef, connected: boolean, atUs: Micros): void {
    this.#publish(household, "presence", PresenceChangedSchema, {
      householdId: household,
      deviceId: device,
      connected,
      changedUs: BigInt(atUs),
    });
  }

  #publish<Schema extends DescMessage>(
    household: HouseholdId,
    kind: EventKind,
    schema: Schema,
    message: MessageInitShape<Schema>,
  ): void {
    const data = toBinary(schema, create(schema, message));
    this.#bus
      .publish(householdSubject(household, kind), data)
      .catch(() => this.#telemetry.degraded("nats", `publish-${kind}`));
  }
}
