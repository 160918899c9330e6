import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Committed, type Control, ControlSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { FeedEvents, HouseholdSink } from "../../services/sync-coordinator/src/adapters/household-feeds.ts";
import type { Announcements, DeviceRef, SessionRef } from "../../services/sync-coordinator/src/domain/ports.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Hop, SimulatedProcess } from "./simulated-process.ts";
import type { VirtualTime } from "./virtual-time.ts";

type Message =
  | { readonly kind: "committed"; readonly event: Committed }
  | { readonly kind: "control"; readonly control: Control };

type ControlCommand = NonNullable<MessageInitShape<typeof ControlSchema>["command"]>;

/** How unreliable events are; NATS itself is better. */
export interface BusFaults {
  /** This share of the deliveries never comes. */
  readonly loss: number;
  /** This share comes twice. */
  readonly repetition: number;
  /** This share comes late, so that later ones overtake it. */
  readonly delay: number;
}

/** NATS as its users must take it: events may be lost, come twice, late and out of order, and it may be away. */
export class SimulatedBus {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #faults: BusFaults;
  readonly #subscribers = new Set<(message: Message) => void>();
  readonly #clockWatchers = new Set<(event: Committed) => void>();
  readonly #watchers = new Set<() => void>();
  #available = true;

  constructor(time: VirtualTime, random: SeededRandom, faults: BusFaults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  get available(): boolean {
    return this.#available;
  }

  set available(available: boolean) {
    if (this.#available === available) return;
    this.#available = available;
    for (const watch of [...this.#watchers]) watch();
  }

  publish(message: Message): void {
    if (!this.#available) return;
    for (const subscriber of this.#subscribers) this.#deliver(() => subscriber(message));
    if (message.kind !== "committed" || this.#clockWatchers.size === 0) return;
    const watch = this.#random.pick([...this.#clockWatchers]);
    this.#deliver(() => watch(message.event));
  }

  /** The bus as one process sees it. */
  client(process: SimulatedProcess, hop: Hop): FeedEvents & Announcements & ClockEvents {
    return new BusClient(this, process, hop);
  }

  subscribe(listener: (message: Message) => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }

  watchClocks(listener: (event: Committed) => void): () => void {
    this.#clockWatchers.add(listener);
    return () => this.#clockWatchers.delete(listener);
  }

  onAvailabilityChange(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  #deliver(arrive: () => void): void {
    const { loss, repetition, delay } = this.#faults;
    if (this.#random.chance(loss)) return;
    const late = this.#random.chance(delay) ? this.#random.between(0, 2_000) : this.#random.between(0, 8);
    this.#time.after(late, () => {
      if (this.#available) arrive();
    });
    if (this.#random.chance(repetition)) this.#time.after(late + this.#random.between(0, 500), arrive);
  }
}

/** Every commit comes to one of the processes that watch. */
export interface ClockEvents {
  onEveryCommit(listener: (event: Committed) => void): void;
}

class BusClient implements FeedEvents, Announcements, ClockEvents {
  readonly #bus: SimulatedBus;
  readonly #process: SimulatedProcess;
  readonly #hop: Hop;

  constructor(bus: SimulatedBus, process: SimulatedProcess, hop: Hop) {
    this.#bus = bus;
    this.#process = process;
    this.#hop = hop;
  }

  get available(): boolean {
    return this.#bus.available;
  }

  onAvailabilityChange(listener: () => void): () => void {
    const stop = this.#bus.onAvailabilityChange(listener);
    this.#process.onKill(stop);
    return stop;
  }

  subscribe(household: HouseholdId, sink: HouseholdSink): { readonly active: Promise<void> } & AsyncDisposable {
    let stop = (): void => {};
    let over = false;
    const active = this.#process.travel(this.#hop).then(() => {
      if (over) return;
      stop = this.#bus.subscribe((message) => {
        if (message.kind === "committed") {
          if (message.event.householdId === household) sink.onCommitted(message.event);
        } else if (message.control.householdId === household) sink.onControl(message.control);
      });
    });
    const end = (): void => {
      over = true;
      stop();
    };
    this.#process.onKill(end);
    return {
      active,
      async [Symbol.asyncDispose]() {
        end();
      },
    };
  }

  onEveryCommit(listener: (event: Committed) => void): void {
    this.#process.onKill(this.#bus.watchClocks(listener));
  }

  requestSync(): void {}

  superseded({ household, device, session }: SessionRef): void {
    this.#command(household, { case: "supersede", value: { deviceId: device, sessionId: session } });
  }

  forgotten({ household, device }: DeviceRef): void {
    this.#command(household, { case: "forget", value: { deviceId: device } });
  }

  presence(): void {}

  #command(household: HouseholdId, command: ControlCommand): void {
    if (!this.#process.isAlive) return;
    this.#bus.publish({ kind: "control", control: create(ControlSchema, { householdId: household, command }) });
  }
}
