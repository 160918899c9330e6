import { create } from "@bufbuild/protobuf";
import { ChangeOutcomeSchema, ChangeSchema, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newHousehold, publicClients } from "../support/constellation-callers.ts";
import { audit } from "./audit.ts";
import { Crowd } from "./crowd.ts";
import { SIZES } from "./fault.ts";
import { FaultSystem } from "./fault-system.ts";
import { FAULTS, type FaultName } from "./faults.ts";
import { playFault } from "./play-fault.ts";
import { anySeed, SeededRandom } from "./seeded-random.ts";

// The compact form of every fault, all on one system. What is checked after each is in audit.ts: nothing acknowledged is
// missing from history (I1), all replicas are equal (I2), resends are answered the same (I3), seq has no gap (I4), a
// device's last write of its own key stays (I6), what was deleted stays deleted (I9), the graph is whole (I11), what
// devices held is back (I13), no edit is unaccounted for, and no device asks for a person.

type Promises = readonly (readonly [FaultName, string])[];

/** What a device and the network to it may do; faults of one household that no other can notice. */
const OF_DEVICES: Promises = [
  ["network-cut", "connections that end in the middle of whatever is said take nothing away"],
  ["network-reset", "connections that break off take nothing away"],
  [
    "network-delayed",
    "a hello that arrives when its device is long connected by another way does not turn that one out",
  ],
  ["network-halved", "half a message and then silence takes nothing away"],
  ["clocks-wrong", "devices two days ahead or behind, set back and forth, win nothing and reorder nothing (I7)"],
  ["device-cloned", "a device and its clone go on under two ids, and every edit of both is there"],
  ["device-restored", "a device set up from its own old backup takes a new id and loses nothing"],
  ["device-a-year-late", "edits of a device a year late revive nothing and are all on record (I9)"],
  ["neighbour-at-full-tilt", "a household at full tilt costs a quiet one no edit"],
];

const OF_SERVICES: Promises = [
  ["kill-entity-store", "entity-store killed at whatever instruction it is takes nothing acknowledged along (I1)"],
  ["kill-sync-coordinator", "a coordinator killed at whatever instruction it is takes nothing acknowledged along (I1)"],
  [
    "kill-conflict-resolution",
    "conflict-resolution killed at whatever instruction it is leaves no edit undecided (I1)",
  ],
  ["kill-mcp-gateway", "the gateway killed at whatever instruction it is takes nothing acknowledged along (I1)"],
];

const OF_RELATIVES: Promises = [
  ["rolling-restart", "every service restarted in turn under load: each ends well, and no device asks for a person"],
  ["lease-holder-suspended", "a coordinator that slept past its leases turns no device out and takes nothing away"],
  ["redis-flushed", "Redis flushed under load: only latency suffers (I8)"],
  [
    "redis-restarted",
    "Redis dies and comes back empty: every edit arrives, merges are right, only latency suffers (I8)",
  ],
  ["redis-paused", "Redis that takes commands and answers nothing holds no edit up (I8)"],
  ["nats-restarted", "NATS dies and comes back: pushes are answered, and edits by any door reach the devices (I8)"],
  ["nats-wiped", "NATS dies and comes back with an empty store: pushes are answered, edits reach the devices (I8)"],
  ["nats-absent", "without NATS devices find each other's edits all the same (I8)"],
  ["postgres-restarted", "PostgreSQL restarted in good order takes nothing acknowledged along (I1)"],
  ["postgres-killed", "PostgreSQL killed as by a power cut takes nothing acknowledged along (I1)"],
  [
    "postgres-cut-off",
    "connections to PostgreSQL broken off in the middle of commits leave nothing half done (I1, I3)",
  ],
  ["restored-under-running", "restored under devices that stay connected, a household is made whole by them (I13)"],
  ["restored-days-before", "restored days before its devices come back, a household is made whole by them (I13)"],
  [
    "failed-over",
    "a failover to a replica that misses the last commits renews the epoch by itself, and all is back (I13)",
  ],
];

let system: FaultSystem;
beforeAll(async () => {
  system = await FaultSystem.start();
  return () => system[Symbol.asyncDispose]();
});

// A fault that failed half-way may have left something down.
const repair = () => system.repair();

async function isKept(name: FaultName): Promise<void> {
  const seed = anySeed();
  const { violations } = await playFault({ name, fault: FAULTS[name], system, size: SIZES.quick, seed });
  expect(violations, `again: npm run faults -- --quick --only ${name} --seed ${seed}`).toEqual([]);
}

it("every fault is played here", () => {
  const played = [...OF_DEVICES, ...OF_SERVICES, ...OF_RELATIVES].map(([name]) => name);
  expect(played.toSorted()).toEqual(Object.keys(FAULTS).toSorted());
});

describe("devices and their network", { timeout: 120_000 }, () => {
  it.concurrent.each(OF_DEVICES)("%s: %s", isKept);
});

describe("services, killed", { timeout: 120_000 }, () => {
  beforeAll(repair);
  it.concurrent.each(OF_SERVICES)("%s: %s", isKept);
});

describe("what services stand on, and the services all together", { timeout: 120_000 }, () => {
  beforeEach(repair);
  it.each(OF_RELATIVES)("%s: %s", isKept);
});

describe("the checks after a fault", { timeout: 120_000 }, () => {
  it("find what is missing, altered, overwritten, revived or not back", async () => {
    const household = await newHousehold(system.constellation.issuer);
    await using network = await system.openNetwork();
    await using clients = publicClients({ ...system.constellation.urls, syncCoordinator: network.url });
    const { pauseMs, patienceMs } = SIZES.quick;
    const random = new SeededRandom(anySeed());
    const readLog = (id: string) => system.log(id);
    await using crowd = new Crowd({ household, url: network.url, random, pauseMs, patienceMs, hurries: true, readLog });
    const [device] = await crowd.join(2);
    await crowd.live(() => crowd.untilAnswered(60));
    await crowd.settle();

    const { epoch } = await system.log(household.id);
    const replaced = await system.sql<{ seq: number }>(
      `SELECT v.seq FROM record_versions v LEFT JOIN heads h ON h.household_id = v.household_id AND h.seq = v.seq
        WHERE v.household_id = $1 AND v.device_id LIKE 'device%' AND h.seq IS NULL ORDER BY v.seq`,
      [household.id],
    );
    const [lost, altered] = replaced.map(({ seq }) => seq);
    const ofHousehold = "WHERE household_id = $1 AND seq = $2";
    await system.sql(`DELETE FROM record_versions ${ofHousehold}`, [household.id, lost]);
    await system.sql(`UPDATE record_versions SET outcome = 4 ${ofHousehold}`, [household.id, altered]);
    const written = device?.client.graph.find().find(({ id }) => device.lastMarks.has(id));
    device?.lastMarks.set(written?.id ?? "", -1);
    const version = "2026-11-22T09:41:02.581Z-device-0-999999";
    const type = { case: "entity", value: { type: EntityType.NOTE } } as const;
    const removal = create(ChangeSchema, { recordId: written?.id ?? "", version, deleted: true, content: type });
    crowd.journal.note(removal, create(ChangeOutcomeSchema, { version, outcome: Outcome.APPLIED }), epoch);
    const held = new Map([["2026-11-22T09:41:02.581Z-nobody-000001", []]]);

    const violations = await audit({ system, crowd, clients, epoch, held, lineage: new Map(), clones: false });
    const broken = new Set(violations.flatMap((text) => /\((I\d+)/.exec(text)?.[1] ?? []));
    expect([...broken].toSorted()).toEqual(["I1", "I11", "I13", "I3", "I4", "I6", "I9"]);
  });
});
