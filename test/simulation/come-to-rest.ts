import type { SimulatedDevice } from "./simulated-device.ts";
import type { Simulation } from "./simulation.ts";

/** If it has not come to rest by then, it never will. */
const REST_LIMIT_MS = 600_000;
/** How often devices that are off are switched on again. */
const NAG_MS = 5_000;

/** Everybody comes back, again and again, until nothing moves any more; it is a problem when that is never. */
export async function comeToRest({ devices, time, store, journal }: Simulation): Promise<void> {
  const nag = async (): Promise<void> => {
    for (const device of devices) {
      device.isCutOff = false;
      device.dieAtWrite(Number.POSITIVE_INFINITY, false);
      await device.boot();
      device.client?.connect();
    }
    time.after(NAG_MS, () => void nag());
  };
  const isAtRest = ({ client }: SimulatedDevice): boolean => {
    if (client === undefined) return false;
    const { phase, epoch, pendingEdits, unheldEdits, upToDateSeq } = client.state;
    const { position } = store.log;
    const knowsAll = epoch === position.epoch && upToDateSeq === position.headSeq;
    return phase === "live" && knowsAll && pendingEdits === 0 && unheldEdits === 0;
  };
  void nag();
  if (await time.passUntil(() => devices.every(isAtRest), REST_LIMIT_MS)) return;
  const { headSeq, epoch } = store.log.position;
  for (const device of devices) {
    if (isAtRest(device)) continue;
    const state = JSON.stringify(device.client?.state);
    journal.problem(`I2: ${device.name} does not come to rest at ${epoch.slice(-4)}/${headSeq}: ${state}`);
  }
}
