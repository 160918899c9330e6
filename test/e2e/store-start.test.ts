import { configureEntityStore } from "@funkygibbon/entity-store/config";
import { startEntityStore } from "@funkygibbon/entity-store/service";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { beforeEach, expect, it } from "vitest";
import { newHousehold } from "../support/constellation-callers.ts";
import { type ConstellationGround, openGround } from "../support/constellation-ground.ts";

let ground: ConstellationGround;
beforeEach(async () => {
  ground = await openGround();
  return () => ground[Symbol.asyncDispose]();
});

/** entity-store alone, in this process. */
async function startStore() {
  await using opened = new AsyncDisposableStack();
  const telemetry = opened.use(startTelemetry({ service: "entity-store", version: "test" }));
  const context = {
    log: silentLogger(),
    health: new Health(),
    clock: systemClock,
    signal: new AbortController().signal,
  };
  const config = configureEntityStore(ground.environment("entity-store", 0, {}));
  const store = opened.use(await startEntityStore(config, { ...context, telemetry }));
  const entities = opened.use(createRpcClient(EntityService, { url: store.url, log: context.log }));
  const moved = opened.move();
  return { telemetry, entities, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

const epochs = () => ground.database.sql<{ epoch: string }>("select epoch from households");

it.each(["timeline", "system_identifier"])(
  "a store that finds a PostgreSQL of another %s than it has written to begins new epochs, once",
  async (column) => {
    const { tokens } = await newHousehold(ground.issuer);
    const create = { type: EntityType.NOTE, bodyJson: "{}" };
    {
      await using store = await startStore();
      await store.entities.createEntity(create, { token: tokens.owner });
    }
    const [before] = await epochs();
    await ground.database.sql(`update cluster_identity set ${column} = ${column} + 1`);
    const after = [];
    for (let start = 0; start < 2; start++) {
      await using store = await startStore();
      await store.entities.createEntity(create, { token: tokens.owner });
      after.push((await epochs())[0]);
    }
    expect(after[0]).not.toEqual(before);
    expect(after[1]).toEqual(after[0]);
  },
);

it("the metrics of a store tell how far its relay lags", async () => {
  await using store = await startStore();
  await expect.poll(() => store.telemetry.prometheusText()).toContain("funkygibbon_store_relay_lag_versions");
});
