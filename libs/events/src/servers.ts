/** How to reach NATS, in the words of its client. */
export interface NatsServers {
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: Record<string, never>;
}

/** Reads NATS_URL. Credentials stand in the first URL: `user:password@`, or `token@`; `tls://` asks for TLS. */
export function parseServers(text: string): NatsServers {
  const urls = text.split(",").map((part) => new URL(part.trim()));
  const [first] = urls;
  return {
    servers: urls.map((url) => `${url.hostname}:${url.port || "4222"}`),
    ...credentials(first),
    ...(first?.protocol === "tls:" ? { tls: {} } : {}),
  };
}

function credentials(url: URL | undefined): Pick<NatsServers, "user" | "pass" | "token"> {
  if (url === undefined || url.username === "") return {};
  const user = decodeURIComponent(url.username);
  return url.password === "" ? { token: user } : { user, pass: decodeURIComponent(url.password) };
}
