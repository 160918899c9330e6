import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { everyHousehold } from "@funkygibbon/events/subjects";
import { ChangeLogService } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { type Committed, CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { migrate } from "@funkygibbon/postgres/migrations";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import { RpcChangeLog } from "@funkygibbon/sync-coordinator/adapters/rpc-change-log";
import { anyPorts } from "../../deploy/local/ports.ts";
import { ProcessGroup } from "../../deploy/local/process-group.ts";
import { newHousehold } from "./constellation-callers.ts";
import { ENTITY_STORE_MIGRATIONS, openGround } from "./constellation-ground.ts";
import { JournalledHousehold } from "./journalled-household.ts";
import { killPostgres, ownServers } from "./own-servers.ts";
import { serviceProcess } from "./service-process.ts";
import { asSuperuser } from "./template-databases.ts";

/** What a test may kill. */
export const VICTIMS = ["entity-store", "PostgreSQL"] as const;
export type Victim = (typeof VICTIMS)[number];

/** An entity-store process on a PostgreSQL of its own, and the coordinator's way of committing to it. */
export async function killableStore() {
  await using opened = new AsyncDisposableStack();
  const servers = opened.use(ownServers());
  let postgres = await servers.startPostgres();
  await migrate({ url: postgres.url, directory: ENTITY_STORE_MIGRATIONS, log: silentLogger() });
  const ground = opened.use(await openGround({ databaseUrl: postgres.url }));
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-killable-"));
  const group = opened.use(new ProcessGroup({ temporaryFolder: folder }));
  const service = serviceProcess({ group, folder, ground, urls: {} }, "entity-store", await anyPorts().next());
  await service.start();

  const log = silentLogger();
  const credential = await ground.issuer.mintServiceToken("sync-coordinator");
  const client = opened.use(
    createRpcClient(ChangeLogService, { url: service.url, log, serviceToken: () => credential }),
  );
  const commits = opened.use(new RpcChangeLog(client, log));
  const graph = opened.use(createRpcClient(GraphService, { url: service.url, log, deadlineMs: 45_000 }));
  const heard: Committed[] = [];
  const bus = await ground.events.connect();
  opened.use(
    bus.subscribe(everyHousehold("committed"), ({ data }) => void heard.push(fromBinary(CommittedSchema, data))),
  );
  await bus.ping();

  const moved = opened.move();
  return {
    commits,
    graph,
    /** Every event so far. */
    heard,
    /** Founds a household. */
    async newHousehold(): Promise<JournalledHousehold> {
      const { id, tokens } = await newHousehold(ground.issuer);
      const { position } = await client.heads({}, { token: tokens.owner });
      return new JournalledHousehold({ id, token: tokens.owner, epoch: position?.epoch ?? "" });
    },
    async kill(victim: Victim): Promise<void> {
      if (victim === "entity-store") await service.kill();
      else await killPostgres(postgres);
    },
    /** Starts it again where it was. */
    async startAgain(victim: Victim): Promise<void> {
      if (victim === "entity-store") await service.start();
      else postgres = await servers.startPostgres(postgres.port);
    },
    /** One statement as the superuser, behind the service's back. */
    sql: <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
      asSuperuser(postgres.url, async (connection) => (await connection.query(text, [...values])).rows),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** A store that may be killed. */
export type KillableStore = Awaited<ReturnType<typeof killableStore>>;
