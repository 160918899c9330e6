import { setTimeout as sleep } from "node:timers/promises";
import type { TcpProxy } from "../../support/tcp-proxy.ts";
import type { Detail, Fault, Stage } from "../fault.ts";

/** Connections end in good order in the middle of whatever is said. */
export const networkCut: Fault = {
  summary: "connections of devices cut (FIN)",
  play: (stage) => broken(stage, (network, share) => network.cut(share)),
};

/** Connections break off. */
export const networkReset: Fault = {
  summary: "connections of devices reset (RST)",
  play: (stage) => broken(stage, (network, share) => network.reset(share)),
};

/** Half a message arrives, and then nothing any more, not even the end of the connection. */
export const networkHalved: Fault = {
  summary: "half a message delivered, then silence",
  play: ({ network, crowd, size, random, outageMs }) =>
    crowd.live(async () => {
      for (let round = 0; round < size.rounds; round += 1) {
        await crowd.untilAnswered(random.between(1, size.answers));
        network.halve(random.happens(0.5) ? undefined : () => random.happens(0.5));
        await sleep(outageMs());
        // Otherwise the devices find out by themselves that nobody is there any more.
        if (!size.waitsInFull) network.reset();
        await crowd.untilAnswered(size.answers);
      }
      return undefined;
    }),
};

/** Everything takes its time, each piece another one; what was said long ago arrives when nobody waits for it any more. */
export const networkDelayed: Fault = {
  summary: "delays, and hellos that arrive when their device is long connected by another way",
  async play({ network, crowd, size, random, outageMs }) {
    await crowd.live(async () => {
      network.delayMs = () => random.between(0, 150);
      await crowd.untilAnswered(size.answers * size.rounds);
      network.delayMs = () => 0;
    });
    for (let round = 0; round < size.rounds; round += 1) {
      // A browser keeps connections of its own, which cannot be told apart here.
      const wanderers = crowd.devices.filter(({ door }) => door === "grpc" && random.happens(0.7));
      await Promise.all(wanderers.map(({ client }) => client.disconnect()));
      network.hold();
      for (const { client } of wanderers) client.connect();
      await sleep(outageMs());
      await Promise.all(wanderers.map(({ client }) => client.disconnect()));
      network.holdOnlyOlder();
      for (const { client } of wanderers) client.connect();
      await Promise.all(
        wanderers.map(({ client }) =>
          client.until(({ phase }) => phase === "live", AbortSignal.timeout(size.patienceMs)),
        ),
      );
      network.release();
      await crowd.live(() => crowd.untilAnswered(size.answers));
    }
    return undefined;
  },
};

type Break = (network: TcpProxy, share: (index: number) => boolean) => void;

function broken({ network, crowd, size, random }: Stage, breakThem: Break): Promise<Detail> {
  return crowd.live(async () => {
    const times = size.rounds * 6;
    for (let round = 0; round < times; round += 1) {
      await crowd.untilAnswered(random.between(1, size.answers));
      const share = random.next();
      breakThem(network, () => random.happens(share));
    }
    await crowd.untilAnswered(size.answers);
    return { times };
  });
}
