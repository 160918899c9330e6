import { connectEvents, type EventBus, type EventOptions } from "@funkygibbon/events/connection";
import { silentLogger } from "@funkygibbon/runtime/log";
import { askBroker } from "./ask-broker.ts";

/** A NATS account of this test's own, with its own JetStream, on the run's server. */
export interface TestEvents extends AsyncDisposable {
  /** As services get it in NATS_URL. */
  readonly url: string;
  /** A connection to it, closed together with the rest. */
  connect(options?: Partial<EventOptions>): Promise<EventBus>;
}

/** Makes a private NATS account. With a NATS_URL of the environment there is only that one world, and household ids keep tests apart. */
export async function createTestEvents(): Promise<TestEvents> {
  return testEventsAt((await askBroker("nats")).url);
}

/** A NATS of the test's own; disposing closes the connections to it. */
export function testEventsAt(url: string): TestEvents {
  const buses: EventBus[] = [];
  return {
    url,
    async connect(options) {
      const bus = await connectEvents({ url, log: silentLogger(), ...options });
      buses.push(bus);
      return bus;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(buses.map((bus) => bus[Symbol.asyncDispose]()));
    },
  };
}
