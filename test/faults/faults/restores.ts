import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entityStore } from "../entity-store-command.ts";
import type { Fault, Stage } from "../fault.ts";
import type { FaultSystem } from "../fault-system.ts";

/** What a backup holds can be put in place of everything that is there. */
interface Backup {
  restore(): Promise<void>;
}

/** The server is put back to what it was an hour ago, while devices stay connected and go on editing. */
export const restoredUnderRunning: Fault = {
  summary: "a backup of an hour ago restored under running devices",
  renewsEpoch: true,
  play: (stage) => {
    const { system, crowd, size } = stage;
    return crowd.live(async () => {
      await crowd.untilAnswered(size.answers);
      const backup = await backUpByCommand(system);
      await crowd.untilAnswered(size.answers);
      const lost = await replaceLog(stage, backup);
      await crowd.untilAnswered(size.answers);
      return { lost };
    });
  },
};

/**
 * The server is put back while nobody looks. Devices come back days later, one after the other: some were away since
 * before the backup, some since after it, all have been edited meanwhile.
 */
export const restoredDaysBefore: Fault = {
  summary: "a backup of an hour ago restored, devices come back days later",
  renewsEpoch: true,
  async play(stage) {
    const { system, crowd, size, random } = stage;
    await crowd.live(() => crowd.untilAnswered(size.answers));
    const [early, late] = [
      crowd.devices.filter((_device, index) => index % 2 === 0),
      crowd.devices.filter((_device, index) => index % 2 === 1),
    ];
    await Promise.all(early.map(({ client }) => client.disconnect()));
    await crowd.settle(late);
    const backup = await backUpByHand(system, crowd.household.id);
    await crowd.live(() => crowd.untilAnswered(size.answers), { devices: late });
    await Promise.all(late.map(({ client }) => client.disconnect()));
    const lost = await replaceLog(stage, backup);
    for (const device of crowd.devices) for (let edit = 0; edit < 5; edit += 1) await device.edit();
    stage.mustComeBack(await crowd.holdings());

    // Days pass: nobody remembers a session, and somebody new has moved in.
    await system.tellRedis("FLUSHALL");
    const [newcomer] = await crowd.join(1, "newcomer");
    for (const device of random.shuffled(crowd.devices)) {
      device.client.connect();
      await crowd.live(() => crowd.untilAnswered(random.between(1, 5)), {
        devices: newcomer === undefined ? [] : [newcomer],
      });
    }
    return { lost };
  },
};

/** @returns how many versions the log loses by it. */
async function replaceLog({ system, crowd, rememberLineage, mustComeBack }: Stage, backup: Backup): Promise<number> {
  const store = system.constellation.services["entity-store"];
  await store.stop();
  await rememberLineage();
  mustComeBack(await crowd.holdings());
  const before = await system.log(crowd.household.id);
  await backup.restore();
  const after = await system.log(crowd.household.id);
  await store.start();
  return before.headSeq - after.headSeq;
}

/** By `entity-store backup`, and back by `entity-store restore`. */
async function backUpByCommand(system: FaultSystem): Promise<Backup> {
  const folder = await mkdtemp(join(tmpdir(), "backup-"));
  const file = join(folder, "all.backup");
  await entityStore(system, "backup", "--out", file);
  return {
    async restore() {
      await entityStore(system, "restore", "--in", file, "--force");
      await rm(folder, { recursive: true });
    },
  };
}

/** By copies of the household's rows, as somebody with psql would; `entity-store new-epoch` then makes the log a new one. */
async function backUpByHand(system: FaultSystem, household: string): Promise<Backup> {
  const tables = await system.sql<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'household_id'
        AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE')`,
  );
  await system.sql("CREATE SCHEMA by_hand");
  for (const { name } of tables) {
    await system.sql(`CREATE TABLE by_hand.${name} AS SELECT * FROM public.${name} WHERE false`);
    await system.sql(`INSERT INTO by_hand.${name} SELECT * FROM public.${name} WHERE household_id = $1`, [household]);
  }
  return {
    async restore() {
      for (const { name } of tables) {
        await system.sql(`DELETE FROM public.${name} WHERE household_id = $1`, [household]);
        await system.sql(`INSERT INTO public.${name} SELECT * FROM by_hand.${name}`);
      }
      await system.sql("DROP SCHEMA by_hand CASCADE");
      await entityStore(system, "new-epoch");
    },
  };
}
