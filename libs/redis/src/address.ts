/** Where Redis is: one node, or a cluster, of which a few nodes are known to begin with. */
export interface RedisAddress {
  readonly kind: "node" | "cluster";
  /** At least one; exactly one unless it is a cluster. */
  readonly nodes: readonly RedisNode[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The numbered database; a cluster has only the first, 0. */
  readonly database: number;
}

/** One server. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** A URL that names no Redis. Says what is wrong without showing it: it may bear a password. */
export class RedisAddressError extends Error {
  override readonly name = "RedisAddressError";
}

const DEFAULT_PORT = 6379;
const MAX_PORT = 65_535;
const URL_PARTS =
  /^(?<scheme>rediss?):\/\/(?:(?<login>[^@/?#]*)@)?(?<nodes>[^@/?#]*)(?:\/(?<database>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const NODE = /^(?:\[(?<address6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `redis://[[user]:password@]host[:port][/database]`, or, of a cluster,
 * `redis://[[user]:password@]host[:port][,host[:port]…]?cluster=true`; `rediss://` for TLS.
 * @throws RedisAddressError
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_PARTS.exec(url)?.groups;
  if (parts === undefined) {
    throw new RedisAddressError("must be redis://host:port/database, or redis://host:port,host:port?cluster=true");
  }
  if (parts.query !== undefined && parts.query !== "cluster=true") {
    throw new RedisAddressError("takes nothing after the ? but cluster=true");
  }
  const kind = parts.query === undefined ? "node" : "cluster";
  const nodes = (parts.nodes ?? "").split(",").map(parseNode);
  if (kind === "node" && nodes.length > 1) {
    throw new RedisAddressError("names several nodes, which only a cluster has: end it with ?cluster=true");
  }
  const database = parts.database ?? "";
  if (!/^\d{0,5}$/.test(database)) throw new RedisAddressError("must name its database by a number, as in /3");
  if (kind === "cluster" && Number(database) !== 0) {
    throw new RedisAddressError(`names database ${Number(database)}, but a cluster has only database 0`);
  }
  return { kind, nodes, tls: parts.scheme === "rediss", ...parseLogin(parts.login), database: Number(database) };
}

function parseNode(text: string, index: number): RedisNode {
  const parts = NODE.exec(text)?.groups;
  const host = parts?.host ?? parts?.address6;
  const port = parts?.port === undefined ? DEFAULT_PORT : Number(parts.port);
  if (host === undefined || port < 1 || port > MAX_PORT) {
    throw new RedisAddressError(`must name node ${index + 1} as host or host:port, with a port from 1 to ${MAX_PORT}`);
  }
  return { host, port };
}

/** `user:password`, `:password`, or nothing; what stands for another character is percent-encoded. */
function parseLogin(text: string | undefined): Pick<RedisAddress, "username" | "password"> {
  if (text === undefined) return { username: undefined, password: undefined };
  const colon = text.indexOf(":");
  const [username, password] = colon === -1 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    return { username: decodeURIComponent(username) || undefined, password: decodeURIComponent(password) || undefined };
  } catch {
    throw new RedisAddressError("must have its user and password percent-encoded");
  }
}
