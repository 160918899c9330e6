import { type EventEmitter, once } from "node:events";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Health } from "@funkygibbon/runtime/health";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import type { TokenVerifier } from "./auth.ts";
import { CallChain } from "./call-chain.ts";
import { connectRoutes } from "./connect-binding.ts";
import { type GrpcBinding, grpcInterceptor, methodPath, registerMethods } from "./grpc-binding.ts";
import { HealthService } from "./health-service.ts";
import { createHttpFront, type HttpRoute } from "./http-front.ts";
import { operationsRoutes, PROBE_PATHS } from "./operations-routes.ts";
import { addReflection } from "./reflection-service.ts";
import type { ServedMethod } from "./server-call.ts";
import type { BoundService } from "./service.ts";
import { SharedPort } from "./shared-port.ts";

/** Options of {@link startRpcServer}. */
export interface RpcServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly services: readonly BoundService[];
  readonly verifier: TokenVerifier;
  readonly health: Health;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Whether tools may ask which services there are. Default true. */
  readonly reflection?: boolean;
  /** Origins of browser pages that may call. Default: pages on this machine. */
  readonly corsOrigins?: readonly string[];
  /** Values of the Host header that HTTP/1.1 answers to, with or without a port. Default: the names of this machine. */
  readonly allowedHosts?: readonly string[];
  /** Whether /metrics answers callers on other machines. Default false. */
  readonly metricsPublic?: boolean;
  /** The largest message that is read: 4 MiB of content and some room for what surrounds it by default. */
  readonly maxMessageBytes?: number;
  /** HTTP/1.1 handlers by exact path, for example `/mcp`. */
  readonly httpRoutes?: Readonly<Record<string, HttpRoute>>;
  /** An idle HTTP/2 connection is pinged this often. Default 30000. */
  readonly keepaliveIntervalMs?: number;
  /** A connection that does not answer a ping within this is closed. Default 10000. */
  readonly keepaliveTimeoutMs?: number;
  /** How long a draining server waits for its calls before it cuts them off. Default 8000, below runService's 10 s. */
  readonly drainMs?: number;
}

/** A server that listens. Disposing ends every call and connection at once. */
export interface RpcServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:4401`; what a client on this machine connects to. */
  readonly url: string;
  /**
   * Says NOT_SERVING, asks callers to make their next call on another connection (GOAWAY, `Connection: close`) and streams to
   * end, refuses new streams, answers unary calls that come on new connections, and resolves when no call is left or the time
   * is over. A gRPC call that was on its way is known to its caller as not served, and is repeated by it (RFC 9113, 6.8).
   */
  drain(): Promise<void>;
}

const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024 + 256 * 1024;
/** grpc-js refuses messages above its limit without details; up to this much over ours, callers get ours. */
const GRPC_LIMIT_SLACK_BYTES = 1024 * 1024;

/** What a caller may send ahead of what a handler has read: on one stream, and on all streams of a connection. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/**
 * Serves the services on one cleartext port: HTTP/2 by grpc-js (gRPC, health, reflection), HTTP/1.1 by Connect (Connect,
 * gRPC-Web) and plain routes. The caller says when calls are welcome: `health.markServing()`.
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  const chain = new CallChain(options);
  const methods = methodsByPath(options.services);
  const healthService = new HealthService(
    options.health,
    options.services.map(({ descriptor }) => descriptor.typeName),
  );

  const grpc = new GrpcServer({
    interceptors: [grpcInterceptor({ chain, methods, maxMessageBytes })],
    "grpc.max_receive_message_length": maxMessageBytes + GRPC_LIMIT_SLACK_BYTES,
    "grpc.max_concurrent_streams": 1_000,
    "grpc.keepalive_time_ms": options.keepaliveIntervalMs ?? 30_000,
    "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMs ?? 10_000,
    "grpc.enable_channelz": 0,
  });
  registerMethods(grpc, methods);
  healthService.addTo(grpc);
  if (options.reflection ?? true) {
    addReflection(
      grpc,
      options.services.map(({ descriptor }) => descriptor),
    );
  }
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = openConnections(grpc);

  const http = createHttpFront({
    routes: new Map([
      ...operationsRoutes({ ...options, metricsPublic: options.metricsPublic ?? false }),
      ...Object.entries(options.httpRoutes ?? {}),
    ]),
    anyHostPaths: PROBE_PATHS,
    rpc: rpcOverHttp1({ chain, methods, maxMessageBytes }),
    corsOrigins: options.corsOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
    log: options.log,
  });

  const responses = openResponses(http);

  const sharedPort = new SharedPort({
    http2: (socket) => injector.injectConnection(socket),
    http1: (socket) => void http.emit("connection", socket),
  });
  const port = await sharedPort.listen(options.host, options.port).catch((error: unknown) => {
    healthService[Symbol.dispose]();
    throw error;
  });
  options.log.info({ host: options.host, port }, "rpc.listening");

  return {
    port,
    url: `http://${connectableHost(options.host)}:${port}`,
    async drain() {
      options.health.markDraining();
      const endMs = performance.now() + (options.drainMs ?? 8_000);
      for (const response of responses) response.shouldKeepAlive = false;
      http.prependListener("request", (_request, response: ServerResponse) => {
        response.shouldKeepAlive = false;
      });
      const untilAllHaveLeft = async () => {
        // GOAWAY names the last call that is served. One that is on its way is not, which its caller then knows, and repeats it.
        for (const connection of connections) connection.close();
        await chain.drain(Math.max(0, endMs - performance.now()));
        // Closing on what the caller is still sending would reset the connection, and the GOAWAY be lost with it. And a call is
        // over before a caller that reads slowly has taken its answer.
        await untilClosed([...connections, ...responses], Math.min(LEAVE_MS, endMs - performance.now()));
      };
      const repeats =
        connections.size > 0 ? sleep(Math.max(0, Math.min(REPEAT_MS, endMs - performance.now()))) : undefined;
      await Promise.all([untilAllHaveLeft(), repeats]);
      sharedPort.stopListening();
      // And those who were led here meanwhile, by a balancer that had not noticed yet.
      await untilAllHaveLeft();
    },
    async [Symbol.asyncDispose]() {
      chain.terminateAll();
      // One turn of the loop, so that the statuses of cut-off calls reach the sockets before these close.
      await new Promise((resolve) => setImmediate(resolve));
      healthService[Symbol.dispose]();
      http.close();
      injector.destroy();
      grpc.forceShutdown();
      await sharedPort.close();
    },
  };
}

/** How long a caller whose calls are answered may take to read that, and to close its connection, as it does when it hears GOAWAY. */
const LEAVE_MS = 1_000;

/** How long callers who were asked to leave find somebody listening when they repeat a call that was on its way. */
const REPEAT_MS = 300;

/** Resolves when they are closed, or the time is over. */
async function untilClosed(open: readonly EventEmitter[], atMostMs: number): Promise<void> {
  if (open.length === 0 || atMostMs <= 0) return;
  const timeIsOver = AbortSignal.timeout(Math.ceil(atMostMs));
  await Promise.allSettled(open.map((one) => once(one, "close", { signal: timeIsOver })));
}

/** What of HTTP/1.1 is being answered. */
function openResponses(http: HttpServer): ReadonlySet<ServerResponse> {
  const open = new Set<ServerResponse>();
  http.prependListener("request", (_request, response: ServerResponse) => {
    open.add(response);
    response.once("close", () => open.delete(response));
  });
  return open;
}

/**
 * The HTTP/2 connections that are open, with wider windows: 64 KiB would let a push of 400 KB wait for the network six
 * times. grpc-js has no option for a server's windows and no way to take leave of its callers, so its HTTP/2 server is
 * looked up by name; tests tell if that ceases to work, and the price is speed, and calls to be repeated after a drain.
 */
function openConnections(grpc: GrpcServer): ReadonlySet<ServerHttp2Session> {
  const open = new Set<ServerHttp2Session>();
  const servers: unknown = Reflect.get(grpc, "http2Servers");
  if (!(servers instanceof Map)) return open;
  for (const server of servers.keys()) {
    server.updateSettings({ initialWindowSize: STREAM_WINDOW_BYTES });
    server.on("session", (session: ServerHttp2Session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      open.add(session);
      session.once("close", () => open.delete(session));
    });
  }
  return open;
}

function rpcOverHttp1(binding: GrpcBinding) {
  const { methods } = binding;
  const adapter = connectNodeAdapter({
    routes: connectRoutes({ ...binding, methods: methods.values() }),
    grpc: false,
  });
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Connect answers a bare 505 to bidirectional streams over HTTP/1.1; told otherwise, it lets us say what is needed.
    if (methods.get(request.url ?? "")?.method.kind === "bidi_streaming") request.httpVersion = "2.0";
    adapter(request, response);
  };
}

function methodsByPath(services: readonly BoundService[]): Map<string, ServedMethod> {
  return new Map(
    services.flatMap(({ access, methods }) =>
      methods.map((method): [string, ServedMethod] => [methodPath(method), { method, access }]),
    ),
  );
}

function connectableHost(host: string): string {
  if (host === "0.0.0.0" || host === "") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
