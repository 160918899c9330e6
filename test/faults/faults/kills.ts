import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceName } from "../../support/constellation-ground.ts";
import type { ServiceProcess } from "../../support/service-process.ts";
import type { Fault, Stage } from "../fault.ts";
import type { FaultSystem } from "../fault-system.ts";
import { OtherDoors } from "../other-doors.ts";

/** A service is killed at whatever instruction it is, and started again after a while. */
export function killOf(name: ServiceName): Fault {
  return {
    summary: `kill -9 of ${name}`,
    play: (stage) =>
      liveByAllDoors(stage, async () => {
        const { system, crowd, size, random, outageMs } = stage;
        for (let round = 0; round < size.rounds; round += 1) {
          await crowd.untilAnswered(random.between(1, size.answers));
          const victim = random.pick(processesOf(system, name)) ?? system.constellation.services[name];
          await victim.kill();
          await sleep(outageMs());
          await victim.start();
        }
        await crowd.untilAnswered(size.answers);
      }),
  };
}

/** Every process is asked to end and started again, never both coordinators at a time, as an upgrade does it. */
export const rollingRestart: Fault = {
  summary: "every service restarted in turn under load, as an upgrade does it",
  play: (stage) =>
    liveByAllDoors(stage, async () => {
      const { system, crowd, size, random, complain } = stage;
      const restart = async (service: ServiceProcess) => {
        const ended = await service.stop();
        if (ended !== "exit code 0") complain(`${service.name}, asked to end, ended with ${ended}`);
        await service.start();
      };
      for (let round = 0; round < size.rounds; round += 1) {
        const [first, second] = system.constellation.coordinators;
        const {
          "entity-store": store,
          "conflict-resolution": resolver,
          "mcp-gateway": gateway,
        } = system.constellation.services;
        const steps = size.waitsInFull
          ? [[first], [second], [store], [resolver], [gateway]]
          : [[first, resolver], [second, gateway], [store]];
        for (const step of random.shuffled(steps)) {
          await crowd.untilAnswered(random.between(1, 5));
          await Promise.all(step.map(restart));
        }
      }
      await crowd.untilAnswered(size.answers);
    }),
};

async function liveByAllDoors(stage: Stage, work: () => Promise<void>) {
  const doors = new OtherDoors(stage);
  await doors.write(() => stage.crowd.live(work), stage.complain);
  return { byOtherDoors: doors.answered };
}

function processesOf({ constellation }: FaultSystem, name: ServiceName): readonly ServiceProcess[] {
  return name === "sync-coordinator" ? constellation.coordinators : [constellation.services[name]];
}
