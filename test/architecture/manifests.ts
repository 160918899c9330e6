import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

/** A Kubernetes object as written, its shape unchecked. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Spec & Record<string, unknown>;
}

interface Spec {
  readonly template?: { readonly spec: PodSpec };
  readonly ports?: readonly { readonly name: string; readonly appProtocol?: string }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvironmentEntry[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
  readonly volumeMounts?: readonly { readonly name: string }[];
}

interface EnvironmentEntry {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

/** What we use of a kustomization. */
export interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string; readonly target?: { readonly kind: string } }[];
  readonly secretGenerator?: readonly SecretGenerator[];
}

interface SecretGenerator {
  readonly name: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
}

/** Reads `kustomization.yaml` of a folder. */
export function readKustomization(folder: string): Kustomization {
  return parse(readFileSync(join(folder, "kustomization.yaml"), "utf8"));
}

/** Every object of a folder's kustomization, other kustomizations among its resources included. Patches are not applied. */
export function readManifests(folder: string): Manifest[] {
  return readKustomization(folder).resources.flatMap((resource) => {
    const path = join(folder, resource);
    return resource.endsWith(".yaml") ? readDocuments(path) : readManifests(path);
  });
}

/** Every document of one YAML file. @throws when it is not YAML. */
export function readDocuments(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, "utf8")).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${dirname(path)}: ${error.message}`);
    return document.toJS();
  });
}

/** Checks an object against the schema of its own API version. @throws with the path of the fault. */
export async function validateManifest(manifest: Manifest): Promise<void> {
  const name = `kubernetes-models/${manifest.apiVersion}/${manifest.kind}`;
  const module: Record<string, new (data: Manifest) => { validate(): void }> = await import(name);
  const Model = module[manifest.kind];
  if (Model === undefined) throw new Error(`${name} has no model`);
  new Model(manifest).validate();
}

/** The pods' containers of a workload; none for other objects. */
export function containersOf(manifest: Manifest): readonly Container[] {
  return manifest.spec?.template?.spec.containers ?? [];
}

/** The secrets that a workload wants: `name/key` from its environment, `name` for a mounted one. */
export function wantedSecrets(manifest: Manifest): string[] {
  const fromEnvironment = containersOf(manifest)
    .flatMap((container) => container.env ?? [])
    .flatMap((entry) => entry.valueFrom?.secretKeyRef ?? [])
    .map((reference) => `${reference.name}/${reference.key}`);
  const mounted = (manifest.spec?.template?.spec.volumes ?? []).flatMap((volume) => volume.secret?.secretName ?? []);
  return [...fromEnvironment, ...mounted];
}

/** The names of the variables that a workload's first container is given; ConfigMaps are looked up among `manifests`. */
export function environmentOf(manifest: Manifest, manifests: readonly Manifest[]): Map<string, string | undefined> {
  const [container] = containersOf(manifest);
  const shared = (container?.envFrom ?? []).flatMap((source) => {
    const map = manifests.find(
      (other) => other.kind === "ConfigMap" && other.metadata.name === source.configMapRef?.name,
    );
    const data: Record<string, string> = map !== undefined && "data" in map ? Object(map.data) : {};
    return Object.entries(data);
  });
  const own = (container?.env ?? []).map((entry) => [entry.name, entry.value] as const);
  return new Map<string, string | undefined>([...shared, ...own]);
}
