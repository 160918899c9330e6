import { create } from "@bufbuild/protobuf";
import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import {
  type ConflictInfo,
  type Hello,
  HelloSchema,
  PingSchema,
  PullAckSchema,
  type PushResult,
  TokenRefreshSchema,
  type Welcome,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { DomainError, internal } from "@funkygibbon/kernel/errors";
import { ROLES } from "@funkygibbon/kernel/identity";
import { type Epoch, type HouseholdId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { reopenAnswers } from "./answers.ts";
import { forkedDeviceId, takeDeviceId, takeStanding } from "./edit-queue.ts";
import type { LocalReplica } from "./local-replica.ts";
import { DirectPull, type PullSide, type PullVerdict, StagedPull } from "./pull-side.ts";
import { PushPump } from "./push-pump.ts";
import { durationMs, endOfError, endOfGoAway, type SessionEnd } from "./session-end.ts";
import { SessionVitals } from "./session-vitals.ts";
import type { Observable, SyncState } from "./sync-state.ts";
import type { Surroundings } from "./timers.ts";
import type { DeviceFrame, ServerFrame, Transport, TransportSession } from "./transport.ts";

/** How a session begins: on from the cursor, or with a fresh base beside the one in use. */
export type SessionPlan = { readonly kind: "resume" } | { readonly kind: "fresh-base"; readonly heal: boolean };

/** What a session works with. */
export interface SyncSessionOptions extends Surroundings {
  readonly replica: LocalReplica;
  readonly transport: Transport;
  readonly plan: SessionPlan;
  /** Gives a valid token; asked at the start and again before it ends. */
  readonly token: () => Promise<string>;
  readonly sha256: Sha256;
  /** What this client calls itself. */
  readonly clientVersion: string;
  readonly state: Observable<SyncState>;
  readonly onConflicts: (conflicts: readonly ConflictInfo[]) => void;
  /** A conflict of the household has changed; undefined: several, and the inbox knows which. */
  readonly onConflictChanged: (conflict: ConflictRecord | undefined) => void;
  /** Somebody asks for a sync. */
  readonly onSyncRequested: (reason: string) => void;
}

/** One session from hello to its end (docs/protocol.md, section 10). */
export class SyncSession {
  readonly #options: SyncSessionOptions;
  readonly #vitals: SessionVitals;
  #stream: TransportSession | undefined;
  #end: SessionEnd | undefined;
  #open: { household: HouseholdId; epoch: Epoch; pump: PushPump; pull: PullSide } | undefined;
  #caughtUp = false;
  #lastFrameId = 0n;
  #nonce = 0n;

  constructor(options: SyncSessionOptions) {
    this.#options = options;
    this.#vitals = new SessionVitals({
      ...options,
      ping: () => this.#ping(),
      silent: () => this.#finish({ kind: "lost", error: silence(), afterMs: 0 }),
      refreshToken: () => this.#refreshToken(),
    });
  }

  /** Lives until the session ends or the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<SessionEnd> {
    try {
      const token = await this.#options.token();
      signal.throwIfAborted();
      const stream = this.#options.transport.open({ token, signal });
      this.#stream = stream;
      this.#vitals.watchToken(token);
      await this.#prepare();
      await this.#send({ case: "hello", value: this.#hello() });
      for await (const frame of stream.frames) {
        if (this.#end !== undefined) break;
        this.#vitals.heard();
        await this.#handle(frame);
      }
      return this.#end ?? { kind: "lost", error: undefined, afterMs: undefined };
    } catch (error) {
      return this.#end ?? endOfError(error);
    } finally {
      this.#vitals.stop();
      this.#open?.pump.close();
      this.#stream?.close();
    }
  }

  /** An edit was made. */
  wake(): void {
    this.#open?.pump.wake();
  }

  /** A log that is gone had answered edits; what the base does not hold of them is sent again. */
  async #prepare(): Promise<void> {
    const { plan, replica } = this.#options;
    if (plan.kind === "fresh-base" && plan.heal) await replica.transact("local", reopenAnswers);
  }

  #hello(): Hello {
    const { replica, plan, clock, transport, clientVersion } = this.#options;
    const { deviceId, household, epoch, sessionKey, cursor, vectorClock } = replica.meta;
    const renewed = plan.kind === "fresh-base" && plan.heal;
    return create(HelloSchema, {
      protocolVersion: PROTOCOL_VERSION,
      deviceId,
      householdId: household ?? "",
      epoch: renewed ? "" : (epoch ?? ""),
      sessionKey,
      cursor: plan.kind === "resume" ? cursor : "",
      vectorClock: plan.kind === "resume" ? vectorClock : {},
      deviceTimeUs: BigInt(clock.now()),
      metadata: { clientVersion, platform: transport.platform, syncReason: plan.kind },
    });
  }

  async #handle(frame: ServerFrame): Promise<void> {
    if (frame.frame.case === "goAway") return this.#finish(endOfGoAway(frame.frame.value));
    if (frame.frame.case === "welcome") return this.#welcome(frame, frame.frame.value);
    const open = this.#open;
    if (open === undefined) throw internal(`the server said ${frame.frame.case ?? "nothing"} before its welcome`);
    if (frame.householdId !== "" && frame.householdId !== open.household) return this.#finish(otherHousehold());
    if (frame.epoch !== "" && frame.epoch !== open.epoch) return this.#finish({ kind: "epoch-changed" });
    switch (frame.frame.case) {
      case "changes": {
        const page = frame.frame.value;
        this.#heardOfSeq(Number(page.headSeq));
        if (!this.#accept(await open.pull.changes(page))) return;
        this.#lastFrameId = page.frameId;
        await this.#ack(page.cursor);
        open.pump.wake();
        await this.#leaveForkedId();
        return;
      }
      case "upToDate": {
        const position = frame.frame.value;
        if (!this.#accept(await open.pull.upToDate(position))) return;
        this.#options.state.update({ headSeq: Number(position.headSeq), upToDateSeq: Number(position.headSeq) });
        this.#caughtUp = true;
        this.#showPhase(open.pull);
        await this.#ack(position.cursor);
        open.pump.wake();
        await this.#leaveForkedId();
        return;
      }
      case "pushResult":
        return this.#answered(open.pump, open.pull, frame.frame.value);
      case "conflictChanged":
        this.#options.onConflictChanged(frame.frame.value.conflict);
        return;
      case "syncRequested":
        this.#options.onSyncRequested(frame.frame.value.reason);
        return;
      default:
        // A pong, or a frame of a newer server: heard, and nothing more.
        return;
    }
  }

  async #welcome(frame: ServerFrame, welcome: Welcome): Promise<void> {
    const { replica, plan, state } = this.#options;
    const household = parseHouseholdId(frame.householdId);
    const epoch = parseEpoch(frame.epoch);
    const known = replica.meta;
    if (known.household !== undefined && known.household !== household) return this.#finish(otherHousehold());
    const renewed = plan.kind === "fresh-base" && plan.heal;
    if (!renewed && known.epoch !== undefined && known.epoch !== epoch) return this.#finish({ kind: "epoch-changed" });
    await replica.transact("remote", (tx) => {
      tx.setMeta({
        household,
        ...(renewed ? {} : { epoch }),
        ...(welcome.sessionKey.length === 0 ? {} : { sessionKey: welcome.sessionKey }),
      });
      takeStanding(tx, { forked: welcome.forked, highestSequence: Number(welcome.highestSequence) });
    });
    this.#vitals.setInterval(durationMs(welcome.heartbeatInterval) || 15_000);
    if (await this.#leaveForkedId()) return;
    state.update({
      role: ROLES.find((role) => role === welcome.role),
      headSeq: Number(welcome.headSeq),
      phase: plan.kind === "resume" ? "catching-up" : "healing",
      pushRefused: welcome.role === "guest" ? "READ_ONLY_ROLE" : undefined,
    });
    this.#begin(household, epoch, welcome.role !== "guest");
  }

  #begin(household: HouseholdId, epoch: Epoch, mayPush: boolean): void {
    const { replica, plan, transport, state, sha256 } = this.#options;
    const pump = new PushPump({
      ...this.#options,
      household,
      epoch,
      window: transport.pushWindow,
      send: (frame) => this.#send(frame),
      onRefused: (reason) => state.update({ pushRefused: reason }),
      onFailure: (error) => this.#finish(endOfError(error)),
    });
    if (!mayPush) pump.close();
    const pull =
      plan.kind === "resume"
        ? new DirectPull(replica, epoch)
        : new StagedPull({ replica, epoch, pump, sha256, heal: plan.heal && mayPush });
    this.#open = { household, epoch, pump, pull };
    if (plan.kind === "resume" || !plan.heal) pump.resume();
  }

  async #answered(pump: PushPump, pull: PullSide, result: PushResult): Promise<void> {
    await pump.answered(result);
    // 0 when the push was refused.
    const headSeq = Number(result.headSeq);
    this.#heardOfSeq(headSeq);
    if (result.conflicts.length > 0) this.#options.onConflicts(result.conflicts);
    await pull.answered(headSeq);
    this.#showPhase(pull);
    await this.#leaveForkedId();
  }

  /**
   * A clone goes on under a new id as soon as everything that it sent under the old one is answered and held: what is
   * answered may have to be sent again to a restored server, and then has to be its own still.
   */
  async #leaveForkedId(): Promise<boolean> {
    const { replica, random } = this.#options;
    if (!replica.meta.forked) return false;
    const ending = Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
    const left = await replica.transact("local", (tx) => {
      if (this.#open?.pump.idle === false) return false;
      for (const { state } of tx.allEdits()) if (state.kind === "sent" || state.kind === "answered") return false;
      takeDeviceId(tx, forkedDeviceId(tx.meta.deviceId, ending));
      return true;
    });
    if (left) this.#finish({ kind: "forked", refused: false });
    return left;
  }

  /** @returns false when the base turned out not to add up. */
  #accept(verdict: PullVerdict): boolean {
    if (verdict === "consistent") return true;
    const { state } = this.#options;
    state.update({ digestMismatches: state.value.digestMismatches + 1 });
    this.#finish({ kind: "digest-mismatch" });
    return false;
  }

  #heardOfSeq(seq: number): void {
    const { state } = this.#options;
    if (seq > state.value.headSeq) state.update({ headSeq: seq });
  }

  #showPhase(pull: PullSide): void {
    if (pull.inUse && this.#caughtUp) this.#options.state.update({ phase: "live", error: undefined });
  }

  #ack(cursor: string): Promise<void> {
    return this.#send({ case: "ack", value: create(PullAckSchema, { frameId: this.#lastFrameId, cursor }) });
  }

  #ping(): void {
    this.#nonce += 1n;
    const ping = create(PingSchema, { nonce: this.#nonce, deviceTimeUs: BigInt(this.#options.clock.now()) });
    void this.#send({ case: "ping", value: ping });
  }

  async #refreshToken(): Promise<string> {
    const token = await this.#options.token();
    await this.#send({ case: "token", value: create(TokenRefreshSchema, { token }) });
    return token;
  }

  async #send(frame: DeviceFrame): Promise<void> {
    this.#vitals.sent();
    await this.#stream?.send(frame);
  }

  #finish(end: SessionEnd): void {
    this.#end ??= end;
    this.#stream?.close();
  }
}

function silence(): DomainError {
  return new DomainError("unavailable", "the server fell silent", { reason: "SILENT" });
}

function otherHousehold(): SessionEnd {
  const error = new DomainError("failed-precondition", "the token is for another household than this replica", {
    reason: "HOUSEHOLD_CHANGED",
  });
  return { kind: "stopped", reason: "household-changed", error };
}
