import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  containersOf,
  readDocuments,
  readKustomization,
  readManifests,
  validateManifest,
  wantedSecrets,
} from "./manifests.ts";

const root = new URL("../..", import.meta.url).pathname;
const base = join(root, "deploy/kubernetes/base");
const overlay = join(root, "deploy/kubernetes/overlays/local");
const services = ["entity-store", "sync-coordinator", "conflict-resolution", "mcp-gateway"];

describe("the Kubernetes manifests", () => {
  it.each(readManifests(overlay).map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
    "%s %s follows the schema of its API version",
    async (_kind, _name, manifest) => {
      await expect(validateManifest(manifest)).resolves.toBeUndefined();
    },
  );

  it("are refused by the check when a field is unknown or of the wrong type", async () => {
    const [deployment] = readManifests(base).filter(({ kind }) => kind === "Deployment");
    const broken = { ...structuredClone(deployment), spec: { ...deployment?.spec, replicas: "two" } };
    await expect(validateManifest(broken as never)).rejects.toThrow(/replicas/);
  });

  it("run each service's own main from the one image", () => {
    const commands = readManifests(base)
      .filter(({ kind }) => kind === "Deployment")
      .map((manifest) => [manifest.metadata.name, containersOf(manifest)[0]?.args]);
    expect(Object.fromEntries(commands)).toEqual(
      Object.fromEntries(services.map((name) => [name, [`services/${name}/src/main.ts`]])),
    );
    for (const name of services) expect(existsSync(join(root, `services/${name}/src/main.ts`))).toBe(true);
  });

  it("give each service two named ports, one for gRPC and one for HTTP", () => {
    const ports = readManifests(base)
      .filter(({ kind }) => kind === "Service")
      .map(({ spec }) => spec?.ports?.map((port) => [port.name, port.appProtocol]));
    expect(ports).toEqual(
      services.map(() => [
        ["grpc", "kubernetes.io/h2c"],
        ["http", "http"],
      ]),
    );
  });

  it("want no secret that the local overlay does not make", () => {
    const made = new Set(
      (readKustomization(overlay).secretGenerator ?? []).flatMap(({ name, literals = [], files = [], envs = [] }) => [
        name,
        ...[...literals, ...files].map((entry) => `${name}/${entry.split("=")[0]}`),
        ...(envs.length > 0 ? [`${name}/TOKEN_SECRET`, `${name}/ACTOR_SECRET`] : []),
      ]),
    );
    const wanted = readManifests(overlay).flatMap(wantedSecrets);
    expect(wanted.length).toBeGreaterThan(services.length);
    expect(wanted.filter((secret) => !made.has(secret))).toEqual([]);
  });

  it("patch only what is there", () => {
    const kinds = new Set(readManifests(overlay).map(({ kind }) => kind));
    for (const { path, target } of readKustomization(overlay).patches ?? []) {
      const targets = target === undefined ? readDocuments(join(overlay, path)).map(({ kind }) => kind) : [target.kind];
      expect(targets.filter((kind) => !kinds.has(kind))).toEqual([]);
    }
  });

  it("run nothing as root and write to no root file system", () => {
    for (const workload of readManifests(base).filter((manifest) => containersOf(manifest).length > 0)) {
      expect(workload.spec?.template?.spec).toMatchObject({
        securityContext: { runAsNonRoot: true },
        containers: [{ securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false } }],
      });
    }
  });
});
