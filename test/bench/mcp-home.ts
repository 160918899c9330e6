import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { EntityType, RelationshipType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { connectMcp } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { createRpcClient, type RpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import type { Client } from "@modelcontextprotocol/client";
import { startBenchSystem } from "./bench-system.ts";
import { type Measurement, percentile, rounded } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

const ROOMS = 12;
const DEVICES_PER_ROOM = 8;
const WARM_UP = 300;
const CALLS = 1_500;

/** A home in a system of its own, an assistant that knows it, and the doors that the gateway uses. */
export interface McpHome extends AsyncDisposable {
  readonly assistant: Client;
  readonly entities: RpcClient<typeof EntityService>;
  readonly graph: RpcClient<typeof GraphService>;
  readonly as: { readonly token: string };
  /** Any device. */
  device(): string;
}

/** Starts the system and furnishes the home: 12 rooms with 8 devices each. */
export async function openMcpHome(): Promise<McpHome> {
  await using opened = new AsyncDisposableStack();
  const system = opened.use(await startBenchSystem({ environment: { MCP_USER_REQUESTS_PER_SECOND: "1000000" } }));
  const { token } = await system.household();
  const store = { url: system.urls["entity-store"], log: silentLogger() };
  const entities = opened.use(createRpcClient(EntityService, store));
  const relationships = opened.use(createRpcClient(RelationshipService, store));
  const graph = opened.use(createRpcClient(GraphService, store));
  const as = { token };
  const create = async (type: EntityType, content: object) => {
    const draft = { type, source: SourceType.MANUAL, bodyJson: JSON.stringify(content) };
    return (await entities.createEntity(draft, as)).entity?.id ?? "";
  };
  const devices: string[] = [];
  for (let number = 0; number < ROOMS; number++) {
    const room = await create(EntityType.ROOM, { name: `Room ${number}` });
    for (let place = 0; place < DEVICES_PER_ROOM; place++) {
      const device = await create(EntityType.DEVICE, { name: `Lamp ${number}.${place}`, maker: "Lumen", on: false });
      const ends = { type: RelationshipType.LOCATED_IN, fromId: device, toId: room };
      await relationships.createRelationship({ ...ends, source: SourceType.MANUAL, propertiesJson: "{}" }, as);
      devices.push(device);
    }
  }
  const assistant = await connectMcp(new URL("/mcp", system.urls["mcp-gateway"]), token);
  opened.defer(() => assistant.close());
  await assistant.listTools();
  await system.settled();
  const random = new SeededRandom(7);
  const stack = opened.move();
  return {
    assistant,
    entities,
    graph,
    as,
    device: () => random.pick(devices),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What is measured, and what it is to be below. */
export interface McpQuestion {
  readonly name: string;
  readonly bars: { readonly p50: number; readonly p99: number };
  /** One tool call of the official client, one after the other. */
  call(): Promise<void>;
  /** The calls over gRPC that the tool makes. */
  bare(): Promise<void>;
}

/** Measures both by turns, so that whatever else goes on meets both. */
export async function measureCalls(question: McpQuestion): Promise<Measurement> {
  for (let count = 0; count < WARM_UP; count++) {
    await question.call();
    await question.bare();
  }
  const calls: number[] = [];
  const bares: number[] = [];
  for (let count = 0; count < CALLS; count++) {
    calls.push(await timed(question.call));
    bares.push(await timed(question.bare));
  }
  const [p50, p99, bareP50] = [percentile(calls, 0.5), percentile(calls, 0.99), percentile(bares, 0.5)];
  return {
    name: question.name,
    value: rounded(p50),
    unit: "ms",
    baseline: rounded(bareP50),
    ratio: rounded(bareP50 / p50),
    p50: rounded(p50),
    p99: rounded(p99),
    detail: {
      p50Bar: question.bars.p50,
      p99Bar: question.bars.p99,
      baselineP99: rounded(percentile(bares, 0.99)),
      calls: CALLS,
    },
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
