import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "@funkygibbon/runtime/config";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configureConflictResolution } from "../../services/conflict-resolution/src/config.ts";
import { configureCommand, configureEntityStore } from "../../services/entity-store/src/config.ts";
import { configureMcpGateway } from "../../services/mcp-gateway/src/config.ts";
import { configureSyncCoordinator } from "../../services/sync-coordinator/src/config.ts";
import { environmentOf, readDocuments, readManifests } from "./manifests.ts";

const root = new URL("../..", import.meta.url).pathname;
const base = join(root, "deploy/kubernetes/base");
const overlay = join(root, "deploy/kubernetes/overlays/local");

const programs: readonly (readonly [string, (environment: Environment) => object])[] = [
  ["entity-store", configureEntityStore],
  ["sync-coordinator", configureSyncCoordinator],
  ["conflict-resolution", configureConflictResolution],
  ["mcp-gateway", configureMcpGateway],
];

/** Stands for what a secret holds; deployments only name where it comes from. */
const secrets: Environment = {
  DATABASE_URL: "postgres://user:password@postgres/funkygibbon",
  REDIS_URL: "redis://redis:6379",
  NATS_URL: "nats://nats:4222",
  TOKEN_SECRET: "t".repeat(32),
  ACTOR_SECRET: "a".repeat(32),
};

describe.each(programs)("the environment of %s", (name, configure) => {
  it("on Kubernetes, with what an installation adds, is what it asks for and nothing else", () => {
    const environment = {
      ...kubernetesEnvironment(name),
      AUTH_JWKS_URL: "https://issuer.example/jwks",
      AUTH_ISSUER: "https://issuer.example",
    };
    expect(configure(environment)).toMatchObject({ runtime: { production: true }, rpc: { host: "0.0.0.0" } });
    expect(variablesInVain(configure, environment)).toEqual([]);
  });

  it("in the local overlay is what it asks for and nothing else", () => {
    const [patch] = readDocuments(join(overlay, "config.yaml"));
    const environment = { ...kubernetesEnvironment(name), ...dataOf(patch) };
    expect(configure(environment)).toMatchObject({ runtime: { production: false }, rpc: { host: "0.0.0.0" } });
    expect(variablesInVain(configure, environment)).toEqual([]);
  });

  it("in Docker Compose is what it asks for and nothing else", () => {
    // The file of secrets is made as a whole, so that each service is shown both.
    const { TOKEN_SECRET, ACTOR_SECRET } = secrets;
    const environment = composeEnvironment(name);
    expect(configure({ ...environment, TOKEN_SECRET, ACTOR_SECRET })).toMatchObject({ runtime: { production: false } });
    const given = (variables: Environment) => configure({ TOKEN_SECRET, ACTOR_SECRET, ...variables });
    expect(variablesInVain(given, environment)).toEqual([]);
  });
});

describe("the environment of the migration", () => {
  it("is the database's address alone", () => {
    expect(Object.keys(kubernetesEnvironment("entity-store-migrate"))).toEqual(["DATABASE_URL"]);
    expect(Object.keys(composeEnvironment("migrate"))).toEqual(["DATABASE_URL"]);
    expect(configureCommand(composeEnvironment("migrate"))).toMatchObject({ logLevel: "info" });
  });
});

describe("docs/operations.md", () => {
  it("names every variable that a service reads, and no other", () => {
    const files = ["libs/runtime", "libs/rpc", ...programs.map(([name]) => `services/${name}`)];
    const read = files.flatMap((folder) => {
      const source = readFileSync(join(root, folder, "src/config.ts"), "utf8");
      return [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm), ...source.matchAll(/\{ ([A-Z][A-Z_]+): \w+Variable/g)];
    });
    const [, table = ""] = readFileSync(join(root, "docs/operations.md"), "utf8").split("\n## Configuration\n");
    const named = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = ""]) => [
      ...cell.matchAll(/`([A-Z_]+)`/g),
    ]);
    const names = (matches: readonly RegExpExecArray[]) => [...new Set(matches.map(([, name]) => name))].toSorted();
    expect(names(named)).toEqual(names(read));
  });
});

/** A workload's environment, a placeholder for each secret. */
function kubernetesEnvironment(name: string): Environment {
  const manifests = readManifests(base);
  const [workload] = manifests.filter(({ kind, metadata }) => metadata.name === name && /Deployment|Job/.test(kind));
  if (workload === undefined) throw new Error(`no workload ${name}`);
  return Object.fromEntries(
    [...environmentOf(workload, manifests)].map(([variable, value]) => [variable, value ?? secrets[variable]]),
  );
}

/** A container's environment as the file gives it, with the defaults of `${NAME:-default}`. */
function composeEnvironment(name: string): Environment {
  const file = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"), { merge: true });
  const environment: Record<string, string> = file.services[name].environment;
  return Object.fromEntries(
    Object.entries(environment).map(([variable, value]) => [variable, value.replace(/\$\{\w+:-(.*)\}/, "$1")]),
  );
}

/** The variables that make no difference, whatever they say: the program does not ask for them. */
function variablesInVain(configure: (environment: Environment) => object, environment: Environment): string[] {
  const expected = JSON.stringify(configure(environment));
  const changes = (changed: Environment) => {
    try {
      return JSON.stringify(configure(changed)) !== expected;
    } catch {
      return true;
    }
  };
  // The first changes every text and is refused by everything else; the second is for NODE_ENV, which any text may be.
  return Object.keys(environment).filter(
    (variable) => !["something else", "production"].some((value) => changes({ ...environment, [variable]: value })),
  );
}

function dataOf(manifest: object | undefined): Record<string, string> {
  return manifest !== undefined && "data" in manifest ? Object(manifest.data) : {};
}
