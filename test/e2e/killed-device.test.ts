import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { SqliteStore } from "@funkygibbon/client/sqlite-store";
import { beforeAll, expect, it } from "vitest";
import { anySeed, SeededRandom } from "../faults/seeded-random.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { type JournalLine, liveAndDie } from "../support/mortal-life.ts";
import { untilEqual, within } from "../support/node-device.ts";

/** Lives of each of two devices: a few in `npm test`, many in `npm run soak`. */
const LIVES = process.env.SOAK === undefined ? 6 : 60;
/** Of the household before the devices are born: three pages, so that some die while they pull for the first time. */
const BACKLOG = 2_500;

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/**
 * Makes the store keep a list of every record that a page brought, in the transaction of the page itself, and refuse
 * transactions that bring records and no new cursor: a replica passes over records that it holds, so a page that is
 * applied again because its cursor was lost would leave no other trace, and few kills come between two transactions.
 */
async function witnessPages(file: string): Promise<void> {
  await SqliteStore.open(file)[Symbol.asyncDispose]();
  const database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE witnessed (record TEXT, seq INTEGER);
    CREATE TABLE followed (cursor TEXT PRIMARY KEY);
    -- What the constraint asks for is never there: who commits has to have taken away the rows themselves.
    CREATE TABLE without_cursor (lacks TEXT REFERENCES followed DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO followed VALUES ('');
    CREATE TRIGGER brought AFTER INSERT ON records BEGIN
      INSERT INTO witnessed VALUES (new.record, new.seq);
      INSERT INTO without_cursor VALUES ('a cursor');
    END;
    CREATE TRIGGER replaced AFTER UPDATE ON records BEGIN
      INSERT INTO witnessed VALUES (new.record, new.seq);
      INSERT INTO without_cursor VALUES ('a cursor');
    END;
    CREATE TRIGGER moved AFTER INSERT ON meta WHEN new.cursor <> (SELECT cursor FROM followed) BEGIN
      DELETE FROM without_cursor;
      UPDATE followed SET cursor = new.cursor;
    END;
  `);
  database.close();
}

function appliedTwice(file: string): unknown[] {
  const database = new DatabaseSync(file);
  const twice = database.prepare("SELECT record, seq FROM witnessed GROUP BY record, seq HAVING count(*) > 1").all();
  const total = database.prepare("SELECT count(*) AS n FROM witnessed").get();
  database.close();
  // A witness that saw nothing would prove nothing.
  expect(total?.n).toBeGreaterThan(BACKLOG);
  return twice;
}

/** What a journal says must be seen now, and must not. */
function claimsOf(journal: readonly JournalLine[]) {
  const present = new Set<string>();
  const absent = new Set<string>();
  const notes = new Set<string>();
  for (const { stage, op, what } of journal) {
    if (op === "create" && stage === "did") for (const id of what.split(" ")) present.add(id);
    if (op === "note" && stage === "did") notes.add(what);
    // Tried and not confirmed: it may have happened.
    if (op === "remove") present.delete(what);
    if (op === "remove" && stage === "did") absent.add(what);
  }
  return { present, absent, notes };
}

function expectClaims(client: Client, ledger: string, journal: readonly JournalLine[], where: string): void {
  const { present, absent, notes } = claimsOf(journal);
  const seen = (id: string) => client.get(id) !== undefined;
  expect(
    [...present].filter((id) => !seen(id)),
    `${where} lacks what was created`,
  ).toEqual([]);
  expect([...absent].filter(seen), `${where} has what was removed`).toEqual([]);
  const body = client.get(ledger);
  const kept = body?.kind === "entity" ? Object.keys(body.body) : [];
  expect(
    [...notes].filter((note) => !kept.includes(note)),
    `${where} lacks what was noted`,
  ).toEqual([]);
}

it("I10: a device killed at any instruction, again and again, finds every confirmed edit in its store and applies no page twice", {
  timeout: LIVES * 30_000,
}, async () => {
  const seed = Number(process.env.SEED ?? anySeed());
  const random = new SeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "killed-device-"));
  try {
    const { tokens } = await system.newHousehold();
    const open = (deviceId: string, file?: string) =>
      openNodeClient({
        url: system.urls.syncCoordinator,
        token: () => tokens.owner,
        deviceId,
        ...(file === undefined ? {} : { file }),
      });

    await using ben = await open("ben");
    ben.connect();
    const ledger = await ben.create({ type: "note", body: { name: "Ledger" } });
    for (let n = 0; n < BACKLOG; n += 500) {
      await ben.edit((editor) => {
        for (let k = n; k < n + 500; k++) editor.create({ type: "device", body: { name: `Lamp ${k}` } });
      });
    }
    await ben.settled(within());

    const lives = async (deviceId: string) => {
      const chance = random.fork(deviceId);
      const file = join(folder, `${deviceId}.db`);
      const journal: JournalLine[] = [];
      await witnessPages(file);
      for (let life = 0; life < LIVES; life++) {
        const death = {
          afterLines: life === 0 ? 0 : chance.between(0, 60),
          afterMs: chance.between(0, life === 0 ? 100 : 15),
        };
        const { url, token } = { url: system.urls.syncCoordinator, token: tokens.owner };
        const orders = { url, token, file, deviceId, ledger, life, seed: chance.between(0, 2 ** 30) };
        journal.push(...(await liveAndDie(orders, death)));
        await ben.create({ type: "note", body: { name: `after life ${life} of ${deviceId}` } });
        // At once and offline: what was confirmed is in the file, whatever the network had made of it.
        await using reborn = await open(deviceId, file);
        expectClaims(reborn, ledger, journal, `seed ${seed}: ${deviceId} after life ${life}`);
      }
      expect(journal.filter(({ stage }) => stage === "did").length).toBeGreaterThan(LIVES);
      return { deviceId, file, journal };
    };
    const [ada, cleo] = await Promise.all([lives("ada"), lives("cleo")]);

    {
      await using adaAgain = await open(ada.deviceId, ada.file);
      await using cleoAgain = await open(cleo.deviceId, cleo.file);
      await using stranger = await open("stranger");
      for (const client of [adaAgain, cleoAgain, stranger]) client.connect();
      await untilEqual(adaAgain, cleoAgain, ben, stranger);
      for (const client of [adaAgain, cleoAgain, ben, stranger]) {
        const where = `seed ${seed}: ${client.deviceId} at the end`;
        expect(client.digest, where).toBe(ben.digest);
        expect(client.state, where).toMatchObject({ deadLetters: 0, digestMismatches: 0 });
        expectClaims(client, ledger, [...ada.journal, ...cleo.journal], where);
      }
    }
    for (const { file, deviceId } of [ada, cleo]) expect(appliedTwice(file), `seed ${seed}: ${deviceId}`).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
