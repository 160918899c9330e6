import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, manyEntities, newRecordId } from "../support/device-pen.ts";
import { seqsOf } from "../support/household-record.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

const open = (household: TestHousehold, deviceId: string) =>
  WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId });

it("commits a large push at once while its household is alone, and in slices while others push", async () => {
  const [ours, theirs] = [await system.newHousehold(), await system.newHousehold()];
  await using phone = open(ours, "ada-phone");
  await using panel = open(ours, "wall-panel");
  await using neighbour = open(theirs, "bob-phone");
  await Promise.all([phone, panel, neighbour].map((device) => device.upToDate()));
  const pen = new DevicePen("ada-phone");

  await phone.push(manyEntities(pen, 350));
  expect(await transactionsOf(ours)).toBe(1);

  let busy = true;
  const others = pushWhile(neighbour, () => busy);
  const [lampId, kitchenId] = [newRecordId(), newRecordId()];
  const located = pen.edge("located_in", lampId, kitchenId);
  const lamp = pen.entity({ name: "Lamp" }, { id: lampId });
  const kitchen = pen.entity({ name: "Kitchen" }, { type: "room", id: kitchenId });
  const before = manyEntities(pen, 150);
  const renamed = pen.update(lamp, { name: "Reading lamp" });
  const after = manyEntities(pen, 200);
  // The edge comes ahead of its ends and the lamp is edited again 150 changes later: slices must not part them.
  await expect.poll(() => neighbour.heads.size).toBeGreaterThan(0);
  const result = await phone.push([located, lamp, kitchen, ...before, renamed, ...after]);
  busy = false;
  await others;
  expect(result.syncStatus).toBe(SyncStatus.SUCCESS);
  expect(new Set(result.outcomes.map(({ outcome }) => outcome))).toEqual(new Set([Outcome.APPLIED]));
  expect(result.outcomes.map(({ version }) => version)).toEqual(
    [located, lamp, kitchen, ...before, renamed, ...after].map(({ version }) => version),
  );

  expect(await transactionsOf(ours)).toBeGreaterThan(2);
  expect(await seqsOf(system.ground.database, ours.id)).toEqual(Array.from({ length: 704 }, (_, index) => index + 1));
  const [seenByPanel] = await Promise.all([panel.upToDate(704n), phone.upToDate(704n)]);
  expect(panel.heads.get(lamp.recordId)?.version).toBe(renamed.version);
  expect(panel.digest()).toBe(seenByPanel.digest);
  expect(phone.digest()).toBe(seenByPanel.digest);
});

/** Pushes one small change after another. */
async function pushWhile(device: WireDevice, busy: () => boolean): Promise<void> {
  const pen = new DevicePen("bob-phone");
  while (busy()) await device.push([pen.entity({ name: "Lamp" })]);
}

/** In how many transactions the household's log was written. */
async function transactionsOf({ id }: TestHousehold): Promise<number> {
  const [row] = await system.ground.database.sql<{ transactions: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS transactions FROM record_versions WHERE household_id = $1",
    [id],
  );
  return row?.transactions ?? 0;
}
