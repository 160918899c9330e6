import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SERVICE_NAMES } from "../support/constellation-ground.ts";
import { DevicePen } from "../support/device-pen.ts";
import { seqsOf } from "../support/household-record.ts";
import { connectDevice, untilEqual, within } from "../support/node-device.ts";
import { type ProcessConstellation, processConstellation } from "../support/process-constellation.ts";
import { RelentlessDevice } from "../support/relentless-device.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: ProcessConstellation;
beforeAll(async () => {
  system = await processConstellation();
  return () => system[Symbol.asyncDispose]();
});

// A test that failed half-way may have left some of them down.
beforeEach(async () => {
  const down = SERVICE_NAMES.filter((name) => !system.services[name].isRunning);
  await Promise.all(down.map((name) => system.services[name].start()));
});

const STORED: ReadonlyMap<Outcome, number> = new Map([
  [Outcome.APPLIED, 1],
  [Outcome.MERGED, 2],
  [Outcome.SUPERSEDED, 3],
  [Outcome.PENDING_REVIEW, 4],
]);

it("loses nothing acknowledged when each service in turn is killed at whatever instruction it is (I1, I3, I4)", async () => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  const { sync } = system.clients;
  const first = new DevicePen("phone");
  const lamp = first.entity({ name: "Lamp" });
  {
    await using phone = WireDevice.open({ sync, token, deviceId: "phone" });
    await phone.push([lamp]);
  }
  // Both edit the same lamp on top of its first version again and again, so that the resolver is always asked.
  const writers = [first, new DevicePen("panel")].map((pen) => {
    let round = 0;
    const nextEdits = (): readonly Change[] => {
      round += 1;
      return [
        pen.entity({ name: `${pen.device} ${round}` }),
        pen.update(lamp, { name: "Lamp", [`by-${pen.device}`]: round, shared: `${pen.device} ${round}` }),
      ];
    };
    return new RelentlessDevice({ sync, token, deviceId: pen.device }, nextEdits);
  });
  const stop = new AbortController();
  const writing = Promise.all(writers.map((writer) => writer.run(stop.signal)));
  await using watcher = await connectDevice(system, { deviceId: "watcher", token });
  const answered = () => writers.map(({ answers }) => answers.size);
  const untilMoreAnswers = async () => {
    const before = answered();
    await expect
      .poll(() => answered().every((now, index) => now > (before[index] ?? 0) + 4), { timeout: 20_000 })
      .toBe(true);
  };

  for (const name of SERVICE_NAMES) {
    await untilMoreAnswers();
    await system.services[name].kill();
    await sleep(100);
    await system.services[name].start();
  }
  await untilMoreAnswers();
  stop.abort();
  await writing;

  const rows = await system.ground.database.sql<{ version: string; outcome: number }>(
    "SELECT version, outcome FROM record_versions WHERE household_id = $1",
    [household.id],
  );
  const history = new Map(rows.map(({ version, outcome }) => [version, outcome]));
  for (const { answers, contradictions } of writers) {
    expect(contradictions).toEqual([]);
    for (const [version, { outcome }] of answers) {
      expect([version, history.get(version)]).toEqual([version, STORED.get(outcome)]);
    }
  }
  const seqs = await seqsOf(system.ground.database, household.id);
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));

  // I2: the device that watched all along and one that begins now agree with each other and with the server.
  await using fresh = await connectDevice(system, { deviceId: "fresh", token });
  await untilEqual(watcher, fresh);
  expect(watcher.digest).toBe(fresh.digest);
  expect(watcher.state).toMatchObject({ digestMismatches: 0, upToDateSeq: seqs.length });
  const { faults } = await system.clients.graph.checkIntegrity({}, { token });
  expect(faults).toEqual([]);
}, 150_000);

it("a service that is asked to stop says good-bye to its streams, drains within 10 s and exits with 0", async () => {
  const household = await system.newHousehold();
  await using phone = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "phone",
  });
  await phone.upToDate();
  const startedAt = performance.now();
  const ends = await Promise.all(SERVICE_NAMES.map((name) => system.services[name].stop()));
  expect(ends).toEqual(SERVICE_NAMES.map(() => "exit code 0"));
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await phone.frame("goAway")).toMatchObject({ reason: GoAwayReason.DRAIN });
  expect((await phone.frame("goAway")).reconnectAfter).toBeDefined();

  // A second start continues with the data, and a device that waited comes back by itself.
  await using device = await connectDevice(system, { deviceId: "patient", token: household.tokens.owner });
  const note = await device.create({ type: "note", body: { name: "Written while all was down" } });
  await Promise.all(SERVICE_NAMES.map((name) => system.services[name].start()));
  device.retryNow();
  await device.settled(within(90_000));
  const { entity } = await system.clients.entities.getEntity({ id: note }, { token: household.tokens.owner });
  expect(entity?.name).toBe("Written while all was down");
}, 150_000);

describe.each([
  ["by entity-store backup and restore", backUpByCommand],
  ["by hand, with entity-store new-epoch", backUpByHand],
])("restored %s,", (_how, backUp) => {
  it("a household restored from an old backup is made whole again by its devices (I13)", async () => {
    const household = await system.newHousehold();
    const token = household.tokens.owner;
    await using phone = await connectDevice(system, { deviceId: "phone", token });
    await using panel = await connectDevice(system, { deviceId: "panel", token: household.tokens.member });
    const [lamp, fridge] = await phone.edit((editor) => [
      editor.create({ type: "device", body: { name: "Lamp" } }),
      editor.create({ type: "device", body: { name: "Fridge" } }),
    ]);
    await untilEqual(phone, panel);
    const backup = await backUp(household.id);

    await panel.update(lamp, { name: "Desk lamp" });
    await phone.remove(fridge);
    const radio = await phone.create({ type: "device", body: { name: "Radio" } });
    await untilEqual(phone, panel);
    const { epoch } = phone.state;
    await Promise.all([phone.disconnect(), panel.disconnect()]);
    // Written on a device while the server is being restored.
    const note = await panel.create({ type: "note", body: { name: "While you were away" } });

    await system.services["entity-store"].stop();
    await backup.restore();
    await system.services["entity-store"].start();

    phone.connect();
    panel.connect();
    await untilEqual(phone, panel);
    expect(phone.state.epoch).not.toBe(epoch);
    await using fresh = await connectDevice(system, { deviceId: "fresh", token });
    await untilEqual(phone, panel, fresh);
    for (const device of [phone, panel, fresh]) {
      expect(device.get(lamp)).toMatchObject({ body: { name: "Desk lamp" } });
      expect(device.get(fridge)).toBeUndefined();
      expect(device.get(radio)).toMatchObject({ body: { name: "Radio" } });
      expect(device.get(note)).toMatchObject({ body: { name: "While you were away" } });
      expect(device.digest).toBe(fresh.digest);
    }
    const { conflicts } = await system.clients.conflicts.listConflicts({}, { token });
    expect(conflicts).toEqual([]);
  }, 150_000);
});

/** Runs a command of entity-store and gives what it says on stderr. */
async function entityStore(...command: string[]): Promise<string> {
  const environment = system.ground.environment("entity-store", 0, {});
  const main = join(REPOSITORY, "services", "entity-store", "src", "main.ts");
  const { code, stderr } = await runTool(process.execPath, [main, ...command], environment);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stderr;
}

/** Everything as it is now, in an archive. */
async function backUpByCommand() {
  const folder = await mkdtemp(join(tmpdir(), "backup-"));
  const file = join(folder, "all.backup");
  await entityStore("backup", "--out", file);
  return {
    async restore() {
      expect(await entityStore("restore", "--in", file, "--force")).toContain("are not healed");
      await rm(folder, { recursive: true });
    },
  };
}

/** Every row of a household as it is now, to be put back later. */
async function backUpByHand(household: string) {
  const { database } = system.ground;
  const tables = await database.sql<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'household_id'
        AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE')`,
  );
  await database.sql("CREATE SCHEMA backup");
  for (const { name } of tables) {
    await database.sql(`CREATE TABLE backup.${name} AS SELECT * FROM public.${name} WHERE false`);
    await database.sql(`INSERT INTO backup.${name} SELECT * FROM public.${name} WHERE household_id = $1`, [household]);
  }
  return {
    async restore() {
      for (const { name } of tables) {
        await database.sql(`DELETE FROM public.${name} WHERE household_id = $1`, [household]);
        await database.sql(`INSERT INTO public.${name} SELECT * FROM backup.${name}`);
      }
      expect(await entityStore("new-epoch")).toBe("");
    },
  };
}
