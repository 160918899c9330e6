import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ResolveRequestSchema, ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import { must } from "@funkygibbon/kernel/must";
import type { Divergence } from "@funkygibbon/kernel/record";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import { divergenceToWire } from "@funkygibbon/wire/divergence";
import { LOCAL_ISSUER, openIssuer } from "../../deploy/local/issuer.ts";
import { buildDivergence, buildVersion, uuid } from "../../services/conflict-resolution/test/build-version.ts";
import { type Measurement, median, percentile, rounded } from "./measurement.ts";

const MAIN = fileURLToPath(new URL("../../services/conflict-resolution/src/main.ts", import.meta.url));
const RECORDS = 1_000;
const WARM_UPS = 20;
const CALLS = 30;

/**
 * 1,000 diverged records of 300 bytes decided in one call, in ms from the caller's side over gRPC. Each record was edited
 * on both sides: two keys clash, two do not. Baseline: decoding the request and parsing its bodies, and nothing else.
 */
export async function run(): Promise<Measurement[]> {
  await using service = await startService();
  const request = create(ResolveRequestSchema, {
    divergences: Array.from({ length: RECORDS }, (_, index) => divergenceToWire(diverged(index))),
  });
  await using client = createRpcClient(ResolverService, {
    url: service.url,
    serviceToken: () => service.token,
    log: silentLogger(),
    deadlineMs: 10_000,
  });

  const durations: number[] = [];
  for (let call = 0; call < WARM_UPS + CALLS; call++) {
    const started = performance.now();
    const { resolutions } = await client.resolve(request);
    const duration = performance.now() - started;
    if (resolutions.some(({ decision, conflict }) => decision.case !== "merged" || conflict?.fields.length !== 2)) {
      throw new Error("every record must be merged with two keys in conflict");
    }
    if (call >= WARM_UPS) durations.push(duration);
  }
  const baseline = measureBaseline(toBinary(ResolveRequestSchema, request));
  const p50 = rounded(median(durations));
  return [
    {
      name: "resolve-1000",
      value: p50,
      unit: "ms",
      baseline: rounded(baseline),
      ratio: rounded(baseline / p50),
      p50,
      p99: rounded(percentile(durations, 0.99)),
    },
  ];
}

function diverged(index: number): Divergence {
  const common = {
    name: `Lamp ${index} of the living room`,
    manufacturer: "Signify Netherlands B.V.",
    model: "LCA001 Hue color lamp A19",
    firmware: "1.104.2",
    capabilities: ["on_off", "brightness", "color", "color_temperature"],
    brightness: 50,
    note: "above the table, left of the window, bought in spring",
  };
  const record = uuid(index + 1);
  const base = { ...buildVersion({ device: "panel", at: 0, body: common }), record };
  const stamps = (device: string, at: number, keys: string[]) => {
    const own = buildVersion({ device, at, body: {} });
    const stampOf = ({ effectiveUs, device: by, sequence }: typeof own) => ({ effectiveUs, device: by, sequence });
    const kept = Object.keys(common).filter((key) => !keys.includes(key));
    return [{ stamp: stampOf(base), keys: kept }];
  };
  const server = buildVersion({
    device: "bob-phone",
    at: 10,
    body: { ...common, brightness: 30, note: "moved by Bob", firmware: "1.108.7" },
    stamps: stamps("bob-phone", 10, ["brightness", "note", "firmware"]),
  });
  const local = buildVersion({
    device: "ada-phone",
    at: 20,
    body: { ...common, brightness: 70, note: "moved by Ada", capabilities: ["on_off", "color", "effects"] },
    stamps: stamps("ada-phone", 20, ["brightness", "note", "capabilities"]),
  });
  return buildDivergence({ local: { ...local, record }, server: { ...server, record }, base });
}

function measureBaseline(bytes: Uint8Array): number {
  const durations: number[] = [];
  for (let round = 0; round < WARM_UPS + CALLS; round++) {
    const started = performance.now();
    for (const { local, server, base } of fromBinary(ResolveRequestSchema, bytes).divergences) {
      for (const version of [local, server, base]) {
        const { content } = must(version, "every divergence of this request is whole");
        if (content.case === "entity") JSON.parse(content.value.bodyJson);
      }
    }
    if (round >= WARM_UPS) durations.push(performance.now() - started);
  }
  return median(durations);
}

/** conflict-resolution alone, as its own process: the resolver needs no other service. */
async function startService() {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "funkygibbon-bench-"));
  opened.defer(() => rm(folder, { recursive: true }));
  const issuer = await openIssuer(folder);
  const serviceTokenFile = join(folder, "service.jwt");
  await writeFile(serviceTokenFile, await issuer.mintServiceToken("conflict-resolution"));
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      NODE_OPTIONS: process.env.BENCH_NODE_OPTIONS,
      PORT: "0",
      AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
      AUTH_ISSUER: LOCAL_ISSUER,
      SERVICE_TOKEN_FILE: serviceTokenFile,
      ENTITY_STORE_URL: "http://127.0.0.1:9",
    },
  });
  opened.defer(async () => {
    const exited = once(child, "exit");
    child.kill();
    await exited;
  });
  const port = await portOf(child.stdout);
  const token = await issuer.mintServiceToken("sync-coordinator");
  const running = opened.move();
  return { url: `http://127.0.0.1:${port}`, token, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** The port that the service's log names once it listens. */
async function portOf(log: Readable): Promise<number> {
  for await (const line of createInterface({ input: log })) {
    const { msg, port }: { msg?: string; port?: number } = JSON.parse(line);
    if (msg === "rpc.listening" && port !== undefined) {
      log.resume();
      return port;
    }
  }
  throw new Error("conflict-resolution did not start");
}
