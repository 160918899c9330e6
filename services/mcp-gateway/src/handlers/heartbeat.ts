import type { ServerContext } from "@modelcontextprotocol/server";

/**
 * Tells a client that asked for progress, every `intervalMs`, that its call is still at work; the progress is the seconds
 * that have passed. Clients then wait on instead of giving up. Disposing ends it.
 */
export function startHeartbeat(request: ServerContext["mcpReq"], intervalMs: number): Disposable {
  const progressToken = request._meta?.progressToken;
  if (progressToken === undefined) return { [Symbol.dispose]() {} };
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const progress = Math.max(1, Math.round((performance.now() - startedAt) / 1_000));
    const params = { progressToken, progress, message: "still at work" };
    // A client that has gone away is noticed by the transport.
    request.notify({ method: "notifications/progress", params }).catch(() => {});
  }, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
