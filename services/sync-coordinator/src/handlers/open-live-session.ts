import type { Hello } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import { isDraining } from "@funkygibbon/rpc/call";
import type { Allowance, RegisteredSession } from "../domain/ports.ts";
import { isChangeOfGround } from "../domain/push-rules.ts";
import { CREDIT_FRAMES, HEARTBEAT_US } from "../domain/session-state.ts";
import {
  type CommonFrame,
  clockOnWire,
  commonFrame,
  duration,
  goAwayFrame,
  rateLimitOnWire,
  type SessionKind,
  timestamp,
} from "./frames.ts";
import { LiveSession } from "./live-session.ts";
import { type Admission, admit, introduce, requireAllowance } from "./opening.ts";
import type { FrameSink } from "./session-voice.ts";
import { type Caller, SERVER_CAPABILITIES, type SyncParts } from "./sync-parts.ts";

/** A hello, and who said it where. */
export interface Greeting {
  readonly kind: SessionKind;
  readonly hello: Hello;
  readonly caller: Caller;
  readonly sink: FrameSink;
  /** Of the call; aborts when nobody waits for the welcome any more. */
  readonly signal: AbortSignal;
}

/**
 * Opens a session: finds where the device stands, binds it, takes its lease and says welcome. Not started yet.
 * Undefined when the device stands on other ground (it was told so, and the call ends well) or has given up the call.
 * @throws what is wrong with the hello; `permission-denied` when the device is another user's.
 */
export async function openLiveSession(greeting: Greeting, parts: SyncParts): Promise<LiveSession | undefined> {
  const { kind, hello, caller, sink, signal } = greeting;
  const introduced = introduce(hello, caller, "hello.");
  const device = introduced.ref;
  const allowance = await parts.rateLimits.spend(device, 0);
  requireAllowance(allowance);

  const admission = await admit(introduced, caller, parts).catch((error: unknown) => {
    if (!isChangeOfGround(error)) throw error;
    const epoch = error.details.epoch === undefined ? undefined : parseEpoch(error.details.epoch);
    const ground = { household: device.household, epoch };
    const reason = error.reason === "EPOCH_CHANGED" ? "epoch-changed" : "household-changed";
    // Not waited for: what a Subscribe says is taken only when it is known whether there is a session.
    sink.send(goAwayFrame(kind, ground, reason, parts.random)).catch(() => {});
    return undefined;
  });
  if (admission === undefined) return undefined;
  // The device may be back by another call already: a welcome that it never sees must not replace its session key…
  if (isGivenUp(signal)) return undefined;

  const registered = await parts.registry.openSession(device, {
    user: caller.identity.user,
    sessionKey: kind === "stream" ? hello.sessionKey : new Uint8Array(),
    rotateKey: kind === "stream",
    client: admission.client,
  });
  void parts.bindings.remember(device, caller.identity.user);
  // … nor a session that it never sees the one that it has.
  if (isGivenUp(signal)) return undefined;
  const ref = { ...device, session: await parts.leases.take(device) };
  parts.announcements.superseded(ref);

  const session = new LiveSession({ kind, ref, admission, caller, sink, parts });
  // Whoever has been welcomed can be asked to sync, superseded and forgotten from any replica.
  await session.listening();
  if (session.isClosed) return session;
  const value = welcome({ session, admission, registered, allowance, kind, caller, parts });
  sink.send(commonFrame(kind, admission.ground, { case: "welcome", value })).catch(() => session.abandon());
  return session;
}

function isGivenUp(signal: AbortSignal): boolean {
  return signal.aborted && !isDraining(signal);
}

function welcome(facts: {
  readonly session: LiveSession;
  readonly admission: Admission;
  readonly registered: RegisteredSession;
  readonly allowance: Allowance;
  readonly kind: SessionKind;
  readonly caller: Caller;
  readonly parts: SyncParts;
}): Extract<CommonFrame, { case?: "welcome" }>["value"] {
  const { session, admission, registered, allowance, kind, caller, parts } = facts;
  return {
    sessionId: session.ref.session,
    sessionKey: kind === "stream" ? registered.sessionKey : new Uint8Array(),
    serverTime: timestamp(parts.clock.now()),
    vectorClock: clockOnWire(admission.clock),
    serverCapabilities: [...SERVER_CAPABILITIES],
    rateLimit: rateLimitOnWire(allowance),
    heartbeatInterval: duration(HEARTBEAT_US / 1_000),
    credit: kind === "stream" ? CREDIT_FRAMES : 1,
    highestSequence: BigInt(registered.record.highestSequence),
    forked: kind === "stream" && registered.forked,
    role: caller.identity.role,
    headSeq: BigInt(admission.clock.position.headSeq),
  };
}
