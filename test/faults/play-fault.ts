import { newHousehold, publicClients } from "../support/constellation-callers.ts";
import { audit } from "./audit.ts";
import { Crowd, type Holdings } from "./crowd.ts";
import type { Detail, Fault, FaultReport, FaultSize, Stage } from "./fault.ts";
import type { FaultSystem } from "./fault-system.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What is played, and how. */
export interface Performance {
  readonly name: string;
  readonly fault: Fault;
  readonly system: FaultSystem;
  readonly size: FaultSize;
  readonly seed: number;
}

/**
 * Plays one fault in a household of its own: a crowd settles in, the fault happens while it lives, everything is
 * repaired, the crowd settles, and every promise is checked. Never throws: what goes wrong is in the report.
 */
export async function playFault(performance_: Performance): Promise<{ report: FaultReport; violations: string[] }> {
  const { name, fault, system, size, seed } = performance_;
  const random = new SeededRandom(seed).fork(name);
  const startedMs = performance.now();
  const violations: string[] = [];
  let detail: Detail | undefined;
  let convergedMs = 0;
  const household = await newHousehold(system.constellation.issuer, name);
  await using network = await system.openNetwork();
  await using clients = publicClients({ ...system.constellation.urls, syncCoordinator: network.url });
  await using crowd = new Crowd({
    household,
    url: network.url,
    random,
    pauseMs: size.pauseMs,
    patienceMs: size.patienceMs,
    hurries: !size.waitsInFull,
    readLog: (id) => system.log(id),
  });
  try {
    await crowd.join(size.devices);
    await crowd.settle();
    const { epoch } = await system.log(household.id);
    const held = new Map<string, readonly string[]>();
    const lineage = new Map<string, readonly string[]>();
    // A device forgets its edit as soon as it hears that it has lost, which may be under way to it.
    const overruled = new Set<string>();
    const stage: Stage = {
      system,
      crowd,
      network,
      clients,
      size,
      random,
      outageMs: () => random.between(...size.outageMs),
      complain: (violation) => void violations.push(violation),
      async rememberLineage() {
        for (const { version, parents, isOverruled } of await system.lineage(household.id)) {
          lineage.set(version, parents);
          if (isOverruled) overruled.add(version);
        }
      },
      mustComeBack(holdings: Holdings) {
        for (const [version, parents] of holdings) if (!overruled.has(version)) held.set(version, parents);
      },
    };
    detail = await fault.play(stage);
    convergedMs = await crowd.settle();
    const found = await audit({
      system,
      crowd,
      clients,
      epoch: fault.renewsEpoch === true ? undefined : epoch,
      held,
      lineage,
      clones: fault.clones === true,
    });
    violations.push(...found);
  } catch (error) {
    violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const report: FaultReport = {
    fault: name,
    seed,
    size: size.name,
    result: violations.length === 0 ? "held" : "broken",
    devices: crowd.devices.length,
    edits: crowd.journal.edits,
    acknowledged: crowd.journal.acknowledged,
    durationMs: Math.round(performance.now() - startedMs),
    convergedMs: Math.round(convergedMs),
    ...detail,
  };
  return { report, violations };
}
