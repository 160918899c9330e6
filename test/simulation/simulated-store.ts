import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type ChangeLogService,
  ClocksRequestSchema,
  ClocksResponseSchema,
  type CommitStreamRequest,
  CommitStreamRequestSchema,
  type CommitStreamResponse,
  CommitStreamResponseSchema,
  HeadsRequestSchema,
  HeadsResponseSchema,
  ReadLogRequestSchema,
  ReadLogResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { Digest } from "@funkygibbon/kernel/digest";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { Epoch } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { RpcClient } from "@funkygibbon/rpc/client";
import { versionToWire } from "@funkygibbon/wire/record-version";
import { committedEvent } from "../../services/entity-store/src/adapters/committed-event.ts";
import type { CommitJob, ResultOf } from "../../services/entity-store/src/domain/commit-job.ts";
import type { CommitWrites } from "../../services/entity-store/src/domain/commit-plan.ts";
import type { LogPage, LogQuery, LogReads } from "../../services/entity-store/src/domain/log-reads.ts";
import type { ChangeLogApi } from "../../services/entity-store/src/handlers/change-log/change-log-api.ts";
import { clocks } from "../../services/entity-store/src/handlers/change-log/clocks.ts";
import { commitStream } from "../../services/entity-store/src/handlers/change-log/commit-stream.ts";
import { heads } from "../../services/entity-store/src/handlers/change-log/heads.ts";
import { readLog } from "../../services/entity-store/src/handlers/change-log/read-log.ts";
import { HOUSEHOLD, MemoryLog } from "../../services/entity-store/test/memory-log.ts";
import type { OpenedCommitStream } from "../../services/sync-coordinator/src/adapters/commit-stream.ts";
import type { Journal } from "./journal.ts";
import { MemoryDeviceRegistry, type RegistrySnapshot } from "./memory-device-registry.ts";
import { commitThrough, type Sabotage } from "./sabotage.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedBus } from "./simulated-bus.ts";
import { asTold, callContext, Inbox, Lane, ServedStream } from "./simulated-call.ts";
import type { Hop, SimulatedProcess } from "./simulated-process.ts";
import type { VirtualTime } from "./virtual-time.ts";

export { HOUSEHOLD };

const NEVER = new AbortController().signal;

/** What a store is made of. */
export interface SimulatedStoreOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly hop: Hop;
  readonly bus: SimulatedBus;
  readonly journal: Journal;
  /** Records in a page, however many are asked for. */
  readonly pageLimit: number;
  readonly verifyUser: (token: string) => Promise<Identity>;
  readonly sabotage: Sabotage;
}

/** What an event says of a commit. */
interface Told {
  readonly heads: CommitWrites["heads"];
  readonly digest: Digest | undefined;
}

/** One of the streams by which coordinators commit. */
interface OpenStream {
  break(): void;
}

/**
 * entity-store over a log in memory: the real planner, the real commit stream and the real events; instead of PostgreSQL
 * a log that can be taken back to any commit, with a new epoch, as a restore or a failover does.
 */
export class SimulatedStore {
  readonly #options: SimulatedStoreOptions;
  readonly #streams = new Set<OpenStream>();
  readonly #commit: ReturnType<typeof commitStream>;
  /** What the registry held right after each commit. */
  #registries: RegistrySnapshot[] = [];
  #turn: Promise<void> = Promise.resolve();
  #epochMs = 0;
  #ids = 0;
  #unpublished: CommitWrites[] = [];
  readonly api: ChangeLogApi;
  log: MemoryLog;
  registry: MemoryDeviceRegistry;
  available = true;

  constructor(options: SimulatedStoreOptions) {
    this.#options = options;
    this.log = this.#newLog([]);
    this.registry = new MemoryDeviceRegistry(this.log, this.#newKey);
    this.api = {
      commits: { commit: (job) => this.commit(job) },
      reads: this.#reads(),
      founding: { found: async () => {} },
      verifyUser: options.verifyUser,
    };
    this.#commit = commitStream(this.api);
    options.bus.onAvailabilityChange(() => this.#publishWhatWasMissed());
  }

  /** One transaction, in its turn. */
  async commit<Job extends CommitJob>(job: Job): Promise<ResultOf<Job>> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = promise;
    try {
      await before;
      await this.#takeAWhile();
      this.#requireAvailable();
      return commitThrough(this.#options.sabotage, job, (broken) => this.#write(broken, job));
    } finally {
      resolve();
    }
  }

  /** One transaction at this very moment. */
  commitNow<Job extends CommitJob>(job: Job): ResultOf<Job> {
    return this.#write(job, job);
  }

  /** @param asked what the job was before anything broke it. */
  #write<Job extends CommitJob>(job: Job, asked: CommitJob): ResultOf<Job> {
    const { log } = this;
    const commits = log.commits.length;
    const result = log.commit(job);
    this.#options.journal.committed(asked, result, log);
    const writes = log.commits[commits];
    if (writes === undefined) return result;
    this.#registries[commits] = this.registry.snapshot();
    this.#unpublished.push(writes);
    this.#options.time.after(this.#options.hop(), () => this.#publish(writes));
    return result;
  }

  /** Takes the log back by some commits, and begins a new epoch. */
  restore(lostCommits: number): void {
    const kept = Math.max(0, this.log.commits.length - lostCommits);
    this.#options.journal.beforeRestore(this.log);
    this.log = this.#newLog(this.log.commits.slice(0, kept));
    this.registry = new MemoryDeviceRegistry(this.log, this.#newKey, this.#registries[kept - 1]);
    this.#registries = this.#registries.slice(0, kept);
    this.#unpublished = [];
    this.#options.journal.restored(this.log);
  }

  /** Every stream of commits breaks, as when the process is killed: what was sent may be committed, nobody knows. */
  breakStreams(): void {
    for (const stream of [...this.#streams]) stream.break();
  }

  /** ChangeLogService, as a process of a coordinator calls it. */
  client(process: SimulatedProcess): RpcClient<typeof ChangeLogService> {
    const call = callContext({ method: "ChangeLogService", signal: NEVER });
    const [page, durable, found] = [readLog(this.api), clocks(this.api), heads(this.api)];
    const unary: Pick<RpcClient<typeof ChangeLogService>, "readLog" | "clocks" | "heads"> = {
      readLog: async (request) =>
        create(ReadLogResponseSchema, await page(create(ReadLogRequestSchema, request), call)),
      clocks: async (request) =>
        create(ClocksResponseSchema, await durable(create(ClocksRequestSchema, request), call)),
      heads: async (request) => create(HeadsResponseSchema, await found(create(HeadsRequestSchema, request), call)),
    };
    const { readLog: read, clocks: clock, heads: head } = process.guard(unary, this.#options.hop);
    return {
      readLog: read,
      clocks: clock,
      heads: head,
      commitStream: () => this.#openCommitStream(),
      async [Symbol.asyncDispose]() {},
    } as RpcClient<typeof ChangeLogService>;
  }

  #openCommitStream(): OpenedCommitStream {
    const { time, hop } = this.#options;
    const answers = new Inbox<CommitStreamResponse>();
    const downward = new Lane<() => void>(time, hop, (arrive) => arrive());
    const stream = new ServedStream<CommitStreamRequest, MessageInitShape<typeof CommitStreamResponseSchema>>(
      async (answer) => downward.send(() => answers.push(create(CommitStreamResponseSchema, answer))),
    );
    const upward = new Lane<() => void>(time, hop, (arrive) => arrive());
    const breakOff = (): void => {
      const reason = unavailable("the stream broke");
      this.#streams.delete(open);
      upward.cut(this.#options.random.chance(0.5));
      downward.cut(true);
      answers.fail(reason);
      time.after(hop(), () => stream.terminate(reason));
    };
    const open: OpenStream = { break: breakOff };
    this.#streams.add(open);
    if (!this.available) time.after(hop(), breakOff);
    const context = callContext({
      method: "ChangeLogService/CommitStream",
      signal: stream.signal,
    });
    this.#commit(stream, context).then(
      () => downward.send(() => answers.end()),
      (error: unknown) => downward.send(() => answers.fail(asTold(error))),
    );
    return {
      // A message of its own, as after a way over the wire.
      send: async ({ bytes }) => upward.send(() => stream.inbox.push(fromBinary(CommitStreamRequestSchema, bytes))),
      messages: answers,
      end: () => upward.send(() => stream.inbox.end()),
      cancel: breakOff,
    };
  }

  #newLog(commits: readonly CommitWrites[]): MemoryLog {
    const { time } = this.#options;
    this.#epochMs = Math.max(time.nowMs, this.#epochMs + 1);
    const epoch = uuidV7(this.#epochMs * 1_000, this.#newKey()) as Epoch;
    const newId = () => `00000000-0000-7000-8000-${String(++this.#ids).padStart(12, "0")}`;
    return new MemoryLog({ epoch, clock: time, newId, commits });
  }

  readonly #newKey = (): Uint8Array => Uint8Array.from({ length: 10 }, () => this.#options.random.below(256));

  #reads(): LogReads<RecordVersion> {
    return {
      page: async (query) => {
        await this.#takeAWhile();
        this.#requireAvailable();
        return this.#page(query);
      },
      position: async () => {
        this.#requireAvailable();
        return this.log.position;
      },
      clocks: async () => {
        await this.#takeAWhile();
        this.#requireAvailable();
        const versions = new Map([...this.log.clocks()].map(({ device, version }) => [device, version]));
        return { position: this.log.position, versions };
      },
    };
  }

  #page(query: LogQuery): LogPage<RecordVersion> {
    const { afterSeq, skipTombstonesToSeq, untilSeq } = query;
    const limit = Math.min(query.limit, this.#options.pageLimit);
    const { position } = this.log;
    const until = Math.min(untilSeq ?? position.headSeq, position.headSeq);
    const heads = [...this.log.heads.values()]
      .filter(({ seq, deleted }) => seq > afterSeq && seq <= until && !(deleted && seq <= skipTombstonesToSeq))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit);
    const cut = heads.length === limit;
    return {
      versions: heads.map(({ record }) => {
        const version = this.log.head(record);
        return versionToWire(version, version.bodyText ?? "");
      }),
      throughSeq: cut ? (heads.at(-1)?.seq ?? afterSeq) : Math.max(afterSeq, until),
      position,
    };
  }

  /** As the relay's sweep does: what is head no more is not told, and the digest only of the head. */
  #publishWhatWasMissed(): void {
    const { position } = this.log;
    for (const writes of [...this.#unpublished]) {
      const heads = writes.heads.filter(({ record, version }) => this.log.heads.get(record)?.version === version);
      const digest = writes.position.headSeq === position.headSeq ? position.digest : undefined;
      this.#publish(writes, { heads, digest });
    }
  }

  #publish(
    writes: CommitWrites,
    { heads, digest }: Told = { heads: writes.heads, digest: writes.position.digest },
  ): void {
    const { bus } = this.#options;
    if (!bus.available) return;
    const { position, previous } = writes;
    this.#unpublished = this.#unpublished.filter((waiting) => waiting !== writes);
    if (position.headSeq === previous.headSeq) return;
    const bytes = committedEvent({
      household: HOUSEHOLD,
      epoch: position.epoch,
      fromSeq: previous.headSeq + 1,
      toSeq: position.headSeq,
      originDevice: undefined,
      heads: heads
        .toSorted((a, b) => a.seq - b.seq)
        .map(({ detail }) => ({
          bodyLength: detail.bodyText?.length ?? 0,
          toWire: () => versionToWire(detail, detail.bodyText ?? ""),
        })),
      digest,
      committedUs: position.committedUs,
    });
    bus.publish({ kind: "committed", event: fromBinary(CommittedSchema, bytes) });
  }

  async #takeAWhile(): Promise<void> {
    const delayMs = this.#options.hop();
    if (delayMs > 0) await this.#options.time.sleep(delayMs);
  }

  #requireAvailable(): void {
    if (!this.available) {
      throw new DomainError("unavailable", "the database is away", { reason: "UNAVAILABLE", retryAfterMs: 100 });
    }
  }
}
