import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";

/** What a room may import: other rooms by name, packages by name (`x/*`: any of that scope or prefix), Node built-ins. */
export interface Room {
  /** Files whose path from the root starts with this belong to the room; the longest match wins. */
  readonly path: string;
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
  readonly nodeBuiltins: boolean;
}

const TELEMETRY = ["@opentelemetry/*"];
const RPC_MESSAGES = ["@bufbuild/protobuf", "@bufbuild/protobuf/*"];

function service(name: string, drivers: readonly string[], driverLibs: readonly string[]): Room[] {
  const path = `services/${name}/src/`;
  const shared = ["libs/kernel", "libs/gen", "libs/wire"];
  return [
    { path: `${path}domain/`, rooms: ["libs/kernel"], packages: [], nodeBuiltins: false },
    {
      path: `${path}handlers/`,
      rooms: [...shared, "libs/rpc", "libs/runtime", `${path}domain/`],
      packages: [...RPC_MESSAGES, "zod", ...(name === "mcp-gateway" ? ["@modelcontextprotocol/*"] : [])],
      nodeBuiltins: true,
    },
    {
      path: `${path}adapters/`,
      rooms: [...shared, "libs/rpc", "libs/runtime", ...driverLibs, `${path}domain/`],
      packages: [...RPC_MESSAGES, ...TELEMETRY, ...drivers],
      nodeBuiltins: true,
    },
    {
      path,
      rooms: [
        ...shared,
        "libs/rpc",
        "libs/runtime",
        ...driverLibs,
        path,
        `${path}domain/`,
        `${path}handlers/`,
        `${path}adapters/`,
      ],
      packages: [...TELEMETRY, "zod", ...(name === "mcp-gateway" ? ["@modelcontextprotocol/*"] : [])],
      nodeBuiltins: true,
    },
  ];
}

/** The table of docs/architecture.md. */
export const ROOMS: readonly Room[] = [
  { path: "libs/gen/", rooms: [], packages: RPC_MESSAGES, nodeBuiltins: false },
  { path: "libs/kernel/", rooms: [], packages: [], nodeBuiltins: false },
  { path: "libs/wire/", rooms: ["libs/gen", "libs/kernel"], packages: RPC_MESSAGES, nodeBuiltins: false },
  {
    path: "libs/runtime/",
    rooms: ["libs/kernel"],
    packages: ["pino", "pino-roll", "zod", ...TELEMETRY],
    nodeBuiltins: true,
  },
  {
    path: "libs/rpc/",
    rooms: ["libs/kernel", "libs/runtime", "libs/gen"],
    packages: [
      ...RPC_MESSAGES,
      ...TELEMETRY,
      "@connectrpc/*",
      "@grpc/*",
      "grpc-health-check",
      "cockatiel",
      "jose",
      "zod",
    ],
    nodeBuiltins: true,
  },
  {
    path: "libs/postgres/",
    rooms: ["libs/kernel", "libs/runtime"],
    packages: ["pg", ...TELEMETRY],
    nodeBuiltins: true,
  },
  {
    path: "libs/redis/",
    rooms: ["libs/kernel", "libs/runtime"],
    packages: ["ioredis", "cockatiel", ...TELEMETRY],
    nodeBuiltins: true,
  },
  {
    path: "libs/events/",
    rooms: ["libs/kernel", "libs/runtime", "libs/gen"],
    packages: ["nats", ...RPC_MESSAGES, ...TELEMETRY],
    nodeBuiltins: true,
  },
  {
    path: "libs/client/",
    rooms: ["libs/kernel", "libs/gen", "libs/wire"],
    packages: [...RPC_MESSAGES, "@connectrpc/*", "@grpc/grpc-js", "@noble/hashes", "@noble/hashes/*", "idb"],
    nodeBuiltins: true,
  },
  {
    path: "libs/importers/",
    rooms: ["libs/kernel", "libs/client"],
    packages: ["csv-parse/browser/esm/sync"],
    nodeBuiltins: false,
  },
  {
    path: "libs/cli/",
    rooms: ["libs/kernel", "libs/gen", "libs/wire", "libs/client", "libs/importers"],
    packages: ["commander", "@clack/prompts", "fast-string-truncated-width"],
    nodeBuiltins: true,
  },
  ...service("entity-store", ["pg"], ["libs/postgres", "libs/events"]),
  ...service("sync-coordinator", ["ioredis", "rate-limiter-flexible"], ["libs/redis", "libs/events"]),
  ...service("conflict-resolution", [], []),
  ...service("mcp-gateway", ["rate-limiter-flexible"], ["libs/events"]),
  {
    path: "deploy/local/",
    rooms: ["libs/runtime"],
    packages: [
      "jose",
      "@modelcontextprotocol/client",
      "@modelcontextprotocol/server",
      "@modelcontextprotocol/server/*",
    ],
    nodeBuiltins: true,
  },
  {
    path: "deploy/packages/",
    rooms: [],
    packages: [],
    nodeBuiltins: true,
  },
  {
    path: "examples/",
    rooms: ["libs/client", "libs/importers", "libs/gen"],
    packages: ["@modelcontextprotocol/client"],
    nodeBuiltins: true,
  },
];

/** An import that its room does not allow. */
export interface Violation {
  readonly file: string;
  readonly imports: string;
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** Every import in the rooms' files that the table does not allow. Tests may import anything. */
export function findViolations(root: string): Violation[] {
  return sourceFiles(root).flatMap((file) => {
    const room = roomOf(file);
    if (room === undefined) return [];
    return importsOf(root, file)
      .filter((specifier) => !isAllowed(file, room, specifier))
      .map((specifier) => ({ file, imports: specifier }));
  });
}

/** What a file needs at run time: every package and Node built-in that it or anything below it imports. */
export function packagesBehind(root: string, entry: string): Set<string> {
  const packages = new Set<string>();
  const visited = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (visited.has(file)) continue;
    visited.add(file);
    for (const specifier of importsOf(root, file)) {
      const source = sourceOf(file, specifier);
      if (source === undefined) packages.add(specifier);
      else waiting.push(source);
    }
  }
  return packages;
}

function sourceOf(importer: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(importer), specifier);
  const own = /^@funkygibbon\/([^/]+)\/(.+)$/.exec(specifier);
  return own === null ? undefined : `libs/${own[1]}/src/${own[2]}.ts`;
}

function importsOf(root: string, file: string): string[] {
  const source = readFileSync(join(root, file), "utf8");
  return [...source.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? "");
}

/** Every TypeScript source of the house that is no test and not generated. */
export function sourceFiles(root: string): string[] {
  return ["libs", "services", "deploy", "examples"]
    .flatMap((top) => readdirSync(join(root, top), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name) && !/\.test\.ts$|\.d\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes("node_modules") && !/\btest(ing|-support|-proto)?\//.test(file));
}

/** The room a file belongs to: the one with the longest path. */
export function roomOf(file: string): Room | undefined {
  return ROOMS.filter((room) => file.startsWith(room.path)).sort((a, b) => b.path.length - a.path.length)[0];
}

function isAllowed(file: string, room: Room, specifier: string): boolean {
  if (specifier.startsWith("node:")) return room.nodeBuiltins;
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(file), specifier);
    const targetRoom = roomOf(target);
    return targetRoom === room || (targetRoom !== undefined && room.rooms.includes(targetRoom.path));
  }
  const own = /^@funkygibbon\/([^/]+)/.exec(specifier);
  if (own !== null) return room.rooms.includes(`libs/${own[1]}`);
  return room.packages.some((name) =>
    name.endsWith("/*") ? specifier.startsWith(name.slice(0, -1)) : specifier === name,
  );
}
