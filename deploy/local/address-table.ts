import { relative } from "node:path";
import { HOME_HOUSEHOLD, type SystemAddresses } from "./endpoints.ts";
import { SERVICES } from "./services.ts";

/** What the table says about a running system. */
export interface TableContent {
  readonly port: number;
  readonly addresses: SystemAddresses;
  readonly ownerToken: string;
  readonly endpointsFile: string;
  readonly seconds: number;
}

/** The addresses and a token, for a person to read. */
export function addressTable({ port, addresses, ownerToken, endpointsFile, seconds }: TableContent): string {
  const services = SERVICES.toSorted((a, b) => a.portOffset - b.portOffset).map(({ name, key, serves }) => {
    const url = key === "mcpGateway" ? `${addresses[key]}/mcp` : addresses[key];
    return row(name, url, serves);
  });
  const servers = (["postgres", "redis", "nats"] as const).map((name) =>
    row(name, withoutPassword(addresses[name]), ""),
  );
  const file = relative(process.cwd(), endpointsFile);
  return [
    "",
    `FunkyGibbon is ready, after ${seconds.toFixed(1)} s.`,
    "",
    ...services,
    ...servers,
    row("this table", `http://127.0.0.1:${port}`, "as JSON"),
    "",
    `A token of the owner of household "${HOME_HOUSEHOLD}", good for twelve hours:`,
    "",
    ownerToken,
    "",
    `More tokens: ${file.startsWith("..") ? endpointsFile : file}, or npm run token -- --role member. Ctrl-C stops everything.`,
    "",
  ].join("\n");
}

function row(name: string, address: string, remark: string): string {
  return `  ${name.padEnd(20)} ${address.padEnd(32)} ${remark}`.trimEnd();
}

/** The same URL for everybody to see. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}
