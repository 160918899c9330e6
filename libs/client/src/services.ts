import type { Client } from "@connectrpc/connect";
import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { mustBeAddress, mustGiveTokens } from "./given-options.ts";
import { type ServiceClientOptions, serviceClient } from "./service-client.ts";

/** Where the public services answer. */
export interface ServiceUrls {
  readonly entityStore: string;
  readonly syncCoordinator: string;
  readonly conflictResolution: string;
}

/**
 * The public services, for what a replica does not hold: histories, the past, the inbox, other devices. Calls fail with
 * DomainErrors.
 */
export interface Services {
  readonly entities: Client<typeof EntityService>;
  readonly relationships: Client<typeof RelationshipService>;
  readonly graph: Client<typeof GraphService>;
  readonly conflicts: Client<typeof ConflictService>;
  readonly sync: Client<typeof SyncService>;
}

/**
 * Clients of the public services; nothing connects before the first call.
 * @throws DomainError `invalid` for an address that is none, or no `token`.
 */
export function openServices(options: { readonly urls: ServiceUrls } & Omit<ServiceClientOptions, "url">): Services {
  const { urls, ...others } = options;
  mustGiveTokens(others.token);
  for (const name of ["entityStore", "syncCoordinator", "conflictResolution"] as const) mustBeAddress(urls[name], name);
  return {
    entities: serviceClient(EntityService, { ...others, url: urls.entityStore }),
    relationships: serviceClient(RelationshipService, { ...others, url: urls.entityStore }),
    graph: serviceClient(GraphService, { ...others, url: urls.entityStore }),
    conflicts: serviceClient(ConflictService, { ...others, url: urls.conflictResolution }),
    sync: serviceClient(SyncService, { ...others, url: urls.syncCoordinator }),
  };
}
