import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { errorOfConnect } from "./transport-error.ts";

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

/** Whom calls go to, and as whom. */
export interface ServiceOptions {
  readonly urls: ServiceUrls;
  /** Gives a valid token (without `Bearer`); asked before each call. */
  readonly token: () => string | Promise<string>;
  /** How long a call may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Clients of the public services over fetch; nothing connects before the first call. */
export function openServices({ urls, token, timeoutMs = DEFAULT_TIMEOUT_MS }: ServiceOptions): Services {
  const authorized: Interceptor = (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await token()}`);
    return next(request);
  };
  const at = <Service extends DescService>(service: Service, baseUrl: string) => {
    const options = { baseUrl, useBinaryFormat: true, interceptors: [authorized], defaultTimeoutMs: timeoutMs };
    return translated(createClient(service, createConnectTransport(options)));
  };
  return {
    entities: at(EntityService, urls.entityStore),
    relationships: at(RelationshipService, urls.entityStore),
    graph: at(GraphService, urls.entityStore),
    conflicts: at(ConflictService, urls.conflictResolution),
    sync: at(SyncService, urls.syncCoordinator),
  };
}

/** The client, its unary calls failing in the terms of the domain. */
function translated<C extends object>(client: C): C {
  return new Proxy(client, {
    get(target, name) {
      const call: unknown = Reflect.get(target, name);
      if (typeof call !== "function") return call;
      return (...args: unknown[]) => {
        const answer: unknown = call.apply(target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.catch((error: unknown) => {
          throw errorOfConnect(error);
        });
      };
    },
  });
}
