import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ActivityService } from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { createRpcClient, type RpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import type { LocalIssuer, TokenClaims } from "../../deploy/local/issuer.ts";
import { type ConstellationUrls, freshHousehold } from "./constellation-ground.ts";

/** A typed gRPC client of each public service; the caller's token goes with each call. */
export interface PublicClients extends AsyncDisposable {
  readonly sync: RpcClient<typeof SyncService>;
  readonly entities: RpcClient<typeof EntityService>;
  readonly relationships: RpcClient<typeof RelationshipService>;
  readonly graph: RpcClient<typeof GraphService>;
  readonly activity: RpcClient<typeof ActivityService>;
  readonly conflicts: RpcClient<typeof ConflictService>;
}

/** Connects to the public services of a constellation. */
export function publicClients(urls: ConstellationUrls): PublicClients {
  // Generous, because a test run shares its cores; what a test says about time it says itself.
  const options = (url: string) => ({ url, log: silentLogger(), deadlineMs: 45_000 });
  const sync = createRpcClient(SyncService, options(urls.syncCoordinator));
  const entities = createRpcClient(EntityService, options(urls.entityStore));
  const relationships = createRpcClient(RelationshipService, options(urls.entityStore));
  const graph = createRpcClient(GraphService, options(urls.entityStore));
  const activity = createRpcClient(ActivityService, options(urls.entityStore));
  const conflicts = createRpcClient(ConflictService, options(urls.conflictResolution));
  const all = [sync, entities, relationships, graph, activity, conflicts];
  return {
    sync,
    entities,
    relationships,
    graph,
    activity,
    conflicts,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((client) => client[Symbol.asyncDispose]()));
    },
  };
}

/** Tokens of one household's people: ada owns it, ben is a member, gus a guest. */
export interface HouseholdTokens {
  readonly owner: string;
  readonly member: string;
  readonly guest: string;
}

/** A household with its people. */
export interface TestHousehold {
  readonly id: string;
  readonly tokens: HouseholdTokens;
  /** Another token of this household; default: ada, owner. */
  mint(claims?: Partial<TokenClaims>): Promise<string>;
}

/** A household that nobody else uses, for a test that counts what is in it. */
export async function newHousehold(issuer: LocalIssuer, name?: string): Promise<TestHousehold> {
  const id = freshHousehold(name);
  const mint = (claims: Partial<TokenClaims> = {}) =>
    issuer.mintToken({ user: "ada", household: id, role: "owner", ...claims });
  const [owner, member, guest] = await Promise.all([
    mint(),
    mint({ user: "ben", role: "member" }),
    mint({ user: "gus", role: "guest" }),
  ]);
  return { id, tokens: { owner, member, guest }, mint };
}
