import type { IncomingMessage } from "node:http";
import type { HttpRoute } from "@funkygibbon/rpc/http-front";
import { SCOPE_OF } from "../domain/permission.ts";

/** The path of the MCP endpoint. */
export const MCP_PATH = "/mcp";

/** Where RFC 9728 puts the metadata of `MCP_PATH`, and where clients look that only know the host. */
export const METADATA_PATHS = [
  `/.well-known/oauth-protected-resource${MCP_PATH}`,
  "/.well-known/oauth-protected-resource",
] as const;

/** Where the endpoint is and who gives tokens for it. */
export interface ProtectedResource {
  /** The endpoint as clients reach it, ending in `/mcp`; undefined: as the request's Host header says. */
  readonly publicUrl: string | undefined;
  /** Issuers of tokens (RFC 8414); empty with a local key, which no client can ask. */
  readonly authorizationServers: readonly string[];
}

/** The endpoint as this client reaches it. */
export function resourceUrl(resource: ProtectedResource, request: IncomingMessage): string {
  return resource.publicUrl ?? `http://${request.headers.host ?? "localhost"}${MCP_PATH}`;
}

/** Where a client that was refused finds out how to get a token. */
export function resourceMetadataUrl(resource: ProtectedResource, request: IncomingMessage): string {
  return new URL(METADATA_PATHS[0], resourceUrl(resource, request)).href;
}

/** Serves the protected resource metadata (RFC 9728). */
export function resourceMetadataRoute(resource: ProtectedResource): HttpRoute {
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const document = {
      resource: resourceUrl(resource, request),
      ...(resource.authorizationServers.length === 0 ? {} : { authorization_servers: resource.authorizationServers }),
      scopes_supported: [SCOPE_OF.read, SCOPE_OF.write],
      bearer_methods_supported: ["header"],
      resource_name: "FunkyGibbon home graph",
    };
    response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=300" });
    response.end(request.method === "HEAD" ? undefined : JSON.stringify(document));
  };
}
