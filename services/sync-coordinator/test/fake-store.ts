import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { EventBus } from "@funkygibbon/events/connection";
import { householdSubject } from "@funkygibbon/events/subjects";
import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import {
  ChangeLogService,
  type CommitResult,
  CommitResultSchema,
  type CommitStreamRequest,
  DivergenceSchema,
  type LogPosition,
  LogPositionSchema,
  type Resolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import {
  type Change,
  ChangeOutcomeSchema,
  Outcome,
  type RecordVersion,
  RecordVersionSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { DeviceRegistryService } from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { addToDigest, digestTerm, subtractFromDigest } from "@funkygibbon/kernel/digest";
import { DomainError, failedPrecondition, notFound, permissionDenied, unavailable } from "@funkygibbon/kernel/errors";
import { parseHouseholdId, parseRecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { parseVersion } from "@funkygibbon/kernel/version";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import { toGrpcStatus } from "@funkygibbon/rpc/status";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

interface Home {
  epoch: string;
  readonly log: RecordVersion[];
  readonly heads: Map<string, RecordVersion>;
  digest: bigint;
}

interface Device {
  user: string;
  /** The session keys that are accepted: the one that was presented last, and the one that was given for it. */
  keys: readonly string[];
  keysGiven: number;
  acknowledgedSeq: number;
  highestSequence: number;
}

/**
 * A store and a resolver in memory, for tests of the coordinator alone: it fast-forwards, tells divergences, commits
 * resolutions with compare-and-set, and knows nothing of rules. Tests make it slow, absent or busy.
 */
export class FakeStore {
  readonly homes = new Map<string, Home>();
  readonly devices = new Map<string, Device>();
  readonly reads: { household: string; afterSeq: number }[] = [];
  clocksAsked = 0;
  /** Records in a page, however many are asked for. */
  pageLimit = 1_000;
  /** Called before each commit; may wait, or throw what the commit shall be refused with. */
  beforeCommit: (request: CommitStreamRequest) => Promise<void> = async () => {};
  /** Called before the durable clock is told. */
  beforeClocks: (household: string) => Promise<void> = async () => {};
  /** Called before each resolution. */
  beforeResolve: () => Promise<void> = async () => {};
  /** Whether events of commits are published. */
  publishes = true;
  /** Events carry their versions. */
  inline = true;
  readonly #bus: EventBus;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  home(household: string): Home {
    return must(this.homes.get(household), "the test has made the household");
  }

  /** The log begins anew, as after a restore of its first `keep` versions. */
  renew(household: string, epoch: string, keep = 0): void {
    const old = this.home(household);
    const fresh: Home = { epoch, log: [], heads: new Map(), digest: 0n };
    this.homes.set(household, fresh);
    for (const version of old.log.slice(0, keep)) this.#append(fresh, version);
  }

  /** A write that went past the coordinator. */
  async write(household: string, recordId: string): Promise<void> {
    const home = this.home(household);
    const from = home.log.length;
    const version = `2026-11-22T00:00:00.000Z-api.9b7e4d21-${String(from + 1).padStart(6, "0")}`;
    this.#append(home, create(RecordVersionSchema, { recordId, version, deviceId: "api.9b7e4d21" }));
    await this.#publish(household, home, from, "");
  }

  position(home: Home): LogPosition {
    return create(LogPositionSchema, {
      epoch: home.epoch,
      headSeq: BigInt(home.log.length),
      digest: home.digest,
      committedUs: BigInt(Date.now() * 1_000),
    });
  }

  services(): BoundService[] {
    return [this.#changeLog(), this.#registry(), this.#resolver()];
  }

  #changeLog(): BoundService {
    return implement(ChangeLogService, {
      access: "service",
      handlers: {
        commitStream: async (stream) => {
          let turn = Promise.resolve();
          for await (const request of stream) {
            const { requestId } = request;
            turn = turn.then(async () => {
              try {
                await this.beforeCommit(request);
                await stream.send({ requestId, result: { case: "committed", value: await this.#commit(request) } });
              } catch (error) {
                if (!(error instanceof DomainError)) throw error;
                const value = fromBinary(StatusSchema, toGrpcStatus(error).details);
                await stream.send({ requestId, result: { case: "error", value } });
              }
            });
          }
          await turn;
        },
        readLog: async ({ householdId, afterSeq, limit, skipTombstonesToSeq }) => {
          this.reads.push({ household: householdId, afterSeq: Number(afterSeq) });
          const home = this.#known(householdId);
          const size = Math.min(limit === 0 ? 1_000 : limit, this.pageLimit);
          const above = [...home.heads.values()]
            .filter(({ seq, deleted }) => seq > afterSeq && !(deleted && seq <= skipTombstonesToSeq))
            .sort((a, b) => Number(a.seq - b.seq));
          const versions = above.slice(0, size);
          const last = versions.at(-1)?.seq ?? afterSeq;
          const throughSeq = versions.length < above.length ? last : BigInt(home.log.length);
          return {
            versions: versions.map((version) => toBinary(RecordVersionSchema, version)),
            throughSeq,
            position: this.position(home),
          };
        },
        heads: async (_request, call) => {
          const { household, role } = call.requireIdentity();
          if (!this.homes.has(household)) {
            if (role === "guest") throw notFound("household", household);
            const epoch = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
            this.homes.set(household, { epoch, log: [], heads: new Map(), digest: 0n });
          }
          return { position: this.position(this.home(household)) };
        },
        clocks: async ({ householdId }) => {
          this.clocksAsked += 1;
          await this.beforeClocks(householdId);
          const home = this.#known(householdId);
          const versions: Record<string, string> = {};
          for (const { deviceId, version } of home.log) versions[deviceId] = version;
          return { position: this.position(home), versions };
        },
      },
    });
  }

  #registry(): BoundService {
    const key = (household: string, device: string) => `${household}/${device}`;
    const record = (deviceId: string, device: Device) => ({
      deviceId,
      userId: device.user,
      highestSequence: BigInt(device.highestSequence),
      acknowledgedSeq: BigInt(device.acknowledgedSeq),
      acknowledgedEpoch: [...this.homes.values()][0]?.epoch ?? "",
      lastSeenUs: 1_000_000n,
    });
    return implement(DeviceRegistryService, {
      access: "service",
      handlers: {
        openSession: async ({ householdId, deviceId, userId, sessionKey, rotateKey }) => {
          const place = key(householdId, deviceId);
          const device = this.devices.get(place) ?? newDevice(userId);
          this.devices.set(place, device);
          if (device.user !== userId) throw permissionDenied("not yours", "DEVICE_OF_ANOTHER_USER");
          const shown = Buffer.from(sessionKey).toString("hex");
          const forked = device.keys.length > 0 && !device.keys.includes(shown);
          if (!rotateKey || forked) return { forked, device: record(deviceId, device) };
          device.keysGiven += 1;
          const fresh = Buffer.from(`key ${device.keysGiven}`);
          device.keys = [shown, fresh.toString("hex")];
          return { sessionKey: fresh, forked, device: record(deviceId, device) };
        },
        acknowledge: async ({ householdId, deviceId, acknowledgedSeq }) => {
          const device = must(this.devices.get(key(householdId, deviceId)), "only known devices acknowledge");
          device.acknowledgedSeq = Math.max(device.acknowledgedSeq, Number(acknowledgedSeq));
          return {};
        },
        listDevices: async ({ householdId }) => ({
          devices: [...this.devices]
            .filter(([place]) => place.startsWith(`${householdId}/`))
            .map(([place, device]) => record(place.slice(householdId.length + 1), device)),
        }),
        forgetDevice: async ({ householdId, deviceId }) => {
          this.devices.delete(key(householdId, deviceId));
          return {};
        },
      },
    });
  }

  /** The merge has the device's content. */
  #resolver(): BoundService {
    return implement(ResolverService, {
      access: "service",
      handlers: {
        resolve: async ({ divergences }) => {
          await this.beforeResolve();
          return {
            resolutions: divergences.map(({ recordId, local, server }) => ({
              recordId,
              localVersion: local?.version ?? "",
              serverVersion: server?.version ?? "",
              decision: { case: "merged" as const, value: { bodyJson: "{}" } },
            })),
          };
        },
      },
    });
  }

  async #commit(request: CommitStreamRequest): Promise<CommitResult> {
    const home = this.#known(request.householdId);
    if (request.epoch !== home.epoch) {
      throw failedPrecondition("EPOCH_CHANGED", "the log has begun anew", { epoch: home.epoch });
    }
    const from = home.log.length;
    const result = create(CommitResultSchema);
    for (const change of request.changes) {
      const outcome = this.#apply(home, change, request);
      const headSeq = home.heads.get(change.recordId)?.seq ?? 0n;
      const { recordId, version } = change;
      const duplicate = outcome === "duplicate";
      result.outcomes.push(
        create(ChangeOutcomeSchema, {
          recordId,
          version,
          outcome: duplicate ? Outcome.APPLIED : (outcome ?? Outcome.UNSPECIFIED),
          headSeq,
          duplicate,
        }),
      );
      if (outcome === undefined) {
        const server = home.heads.get(recordId);
        result.divergences.push(
          create(DivergenceSchema, {
            recordId,
            local: { version, content: change.content },
            ...(server === undefined ? {} : { server: { version: server.version, content: server.content } }),
          }),
        );
      }
      const device = this.devices.get(`${request.householdId}/${request.deviceId}`);
      if (device !== undefined) device.highestSequence = parseVersion(version).sequence;
    }
    result.position = this.position(home);
    if (home.log.length > from) {
      result.firstSeq = BigInt(from + 1);
      result.lastSeq = BigInt(home.log.length);
      result.deviceVersion = request.changes.at(-1)?.version ?? "";
      await this.#publish(request.householdId, home, from, request.deviceId);
    }
    return result;
  }

  /** Undefined: it has diverged. */
  #apply(home: Home, change: Change, request: CommitStreamRequest): Outcome | "duplicate" | undefined {
    if (home.log.some(({ version }) => version === change.version)) return "duplicate";
    const head = home.heads.get(change.recordId);
    const resolution = request.resolutions.find(({ localVersion }) => localVersion === change.version);
    const fits = head === undefined || change.parentVersions.includes(head.version);
    if (!fits && resolution?.serverVersion !== head.version) return undefined;
    const { sequence } = parseVersion(change.version);
    const made = create(RecordVersionSchema, {
      recordId: change.recordId,
      version: change.version,
      content: change.content,
      deleted: change.deleted,
      deviceId: request.deviceId,
      sequence: BigInt(sequence),
      effectiveUs: request.receivedUs,
    });
    if (fits) {
      this.#append(home, made);
      return Outcome.APPLIED;
    }
    this.#merge(home, made, must(resolution, "only a resolution that fits gets here"));
    return Outcome.MERGED;
  }

  #merge(home: Home, local: RecordVersion, resolution: Resolution): void {
    home.log.push(create(RecordVersionSchema, { ...local, seq: BigInt(home.log.length + 1) }));
    const sequence = home.log.length + 1;
    const version = `2026-11-22T00:00:00.000Z-merge.9b7e4d21-${String(sequence).padStart(6, "0")}`;
    this.#append(home, { ...local, version, deviceId: "merge.9b7e4d21", sequence: BigInt(sequence) });
    must(resolution.decision.case, "a resolution decides");
  }

  #append(home: Home, version: RecordVersion): void {
    const before = home.heads.get(version.recordId);
    const made = create(RecordVersionSchema, { ...version, seq: BigInt(home.log.length + 1) });
    home.log.push(made);
    home.heads.set(made.recordId, made);
    if (before !== undefined && !before.deleted) home.digest = subtractFromDigest(home.digest, termOf(before));
    if (!made.deleted) home.digest = addToDigest(home.digest, termOf(made));
  }

  async #publish(household: string, home: Home, from: number, origin: string): Promise<void> {
    if (!this.publishes) return;
    const { digest, committedUs } = this.position(home);
    const versions = [...home.heads.values()]
      .filter(({ seq }) => Number(seq) > from)
      .sort((a, b) => Number(a.seq - b.seq));
    const event = create(CommittedSchema, {
      householdId: household,
      epoch: home.epoch,
      fromSeq: BigInt(from + 1),
      toSeq: BigInt(home.log.length),
      originDeviceId: origin,
      versions: this.inline ? versions : [],
      inline: this.inline,
      digest,
      atHead: true,
      committedUs,
    });
    const subject = householdSubject(parseHouseholdId(household), "committed");
    await this.#bus.publish(subject, toBinary(CommittedSchema, event)).catch(() => {});
  }

  #known(household: string): Home {
    const home = this.homes.get(household);
    if (home === undefined) throw notFound("household", household);
    return home;
  }
}

function newDevice(user: string): Device {
  return { user, keys: [], keysGiven: 0, acknowledgedSeq: 0, highestSequence: 0 };
}

/** What a store that is away answers. */
export const STORE_AWAY = unavailable("the store is away", { retryAfterMs: 200 });

function termOf({ recordId, version }: RecordVersion): bigint {
  return digestTerm(parseRecordId(recordId), parseVersion(version).id, sha256);
}
