import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Hello,
  SyncStreamRequest,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError, invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import type { CallContext } from "@funkygibbon/rpc/call";
import { isDraining } from "@funkygibbon/rpc/call";
import type { DuplexStream } from "@funkygibbon/rpc/service";
import { ClockOffset } from "../domain/clock-offset.ts";
import { isChangeOfGround } from "../domain/push-rules.ts";
import type { LiveSession } from "./live-session.ts";
import { openLiveSession } from "./open-live-session.ts";
import { StreamPushes } from "./stream-pushes.ts";
import { type Caller, callerOf, type SyncParts } from "./sync-parts.ts";

type Stream = DuplexStream<SyncStreamRequest, MessageInitShape<typeof SyncStreamResponseSchema>>;

/** A stream without a hello for this long is not kept. */
const HELLO_TIMEOUT_MS = 10_000;

/** SyncStream: a session with pushes, pulls and everything between over one stream. */
export async function syncStream(stream: Stream, call: CallContext, parts: SyncParts): Promise<void> {
  using _inside = parts.sessions.enter();
  const caller = callerOf(call);
  const frames = stream[Symbol.asyncIterator]();
  const hello = await firstHello(frames);
  if (hello === undefined) return;
  const clockOffset = new ClockOffset();
  clockOffset.read(Number(hello.deviceTimeUs), parts.clock.now());
  const session = await openLiveSession({ kind: "stream", hello, caller, sink: stream, signal: call.signal }, parts);
  if (session === undefined) return;

  const pushes = new StreamPushes(session, parts, { caller, clockOffset });
  endWithCall(session, call.signal);
  session.start(pushes);
  readFrames(frames, { session, pushes, clockOffset, caller, parts }).then(
    () => session.dispatch({ type: "device-ended" }),
    (error: unknown) => session.fail(error),
  );
  await session.ended;
}

/** A draining server lets sessions say good-bye; a call that is over for other reasons has nobody to say it to. */
export function endWithCall(session: LiveSession, signal: AbortSignal): void {
  const end = () => (isDraining(signal) ? session.leave("drain") : session.abandon());
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
}

/** The first frame; undefined when the device went without a word. */
async function firstHello(frames: AsyncIterator<SyncStreamRequest>): Promise<Hello | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new DomainError("deadline-exceeded", "no hello came", { reason: "HELLO_MISSING" }));
    }, HELLO_TIMEOUT_MS);
  });
  const first = await Promise.race([frames.next(), late]).finally(() => clearTimeout(timer));
  if (first.done === true) return undefined;
  const { frame } = first.value;
  if (frame.case === "hello") return frame.value;
  throw invalid([{ field: "frame", description: "the first frame must be a hello" }], "PROTOCOL_VIOLATION");
}

interface Reading {
  readonly session: LiveSession;
  readonly pushes: StreamPushes;
  readonly clockOffset: ClockOffset;
  readonly caller: Caller;
  readonly parts: SyncParts;
}

async function readFrames(frames: AsyncIterator<SyncStreamRequest>, reading: Reading): Promise<void> {
  const { session } = reading;
  for (let next = await frames.next(); next.done !== true; next = await frames.next()) {
    if (session.isClosed) return;
    await takeFrame(next.value.frame, reading);
  }
}

async function takeFrame(frame: SyncStreamRequest["frame"], reading: Reading): Promise<void> {
  const { session, pushes, caller, parts } = reading;
  switch (frame.case) {
    case "push":
    case "heal":
      // While two are unanswered nothing is read: what the device sends on waits in the transport, not in our memory.
      await session.pushSlot();
      takePush(session, () => pushes.take(frame.case, frame.value));
      break;
    case "ack":
      takeAck(session, { frameId: Number(frame.value.frameId), cursor: frame.value.cursor }, parts);
      break;
    case "token": {
      const fresh = await freshCaller(frame.value.token, caller, session, parts);
      if (fresh === undefined) return session.leave("household-changed");
      pushes.caller = fresh;
      session.dispatch({ type: "token", endsUs: fresh.identity.expiresAt });
      break;
    }
    case "ping":
      reading.clockOffset.read(Number(frame.value.deviceTimeUs), parts.clock.now());
      session.dispatch({ type: "heard" });
      session.voice.pong(frame.value.nonce);
      break;
    case "hello":
      throw invalid([{ field: "frame", description: "a session has one hello" }], "PROTOCOL_VIOLATION");
    case undefined:
      throw invalid([{ field: "frame", description: "is empty, or of a newer protocol" }], "PROTOCOL_VIOLATION");
  }
}

/** Edits of other ground end the session with a reason; the device heals or starts over. */
function takePush(session: LiveSession, take: () => void): void {
  try {
    take();
  } catch (error) {
    if (!isChangeOfGround(error)) throw error;
    session.leave(error.reason === "EPOCH_CHANGED" ? "epoch-changed" : "household-changed");
  }
}

function takeAck(
  session: LiveSession,
  ack: { readonly frameId: number; readonly cursor: string },
  { cursors }: SyncParts,
): void {
  const cursor = cursors.decode(ack.cursor);
  const { household, epoch } = session.voice.ground;
  if (cursor === undefined || cursor.household !== household) {
    throw invalid([{ field: "ack.cursor", description: "is not a cursor of this session" }], "PROTOCOL_VIOLATION");
  }
  if (cursor.epoch !== epoch) session.leave("epoch-changed");
  else session.dispatch({ type: "ack", frameId: ack.frameId, seq: cursor.seq });
}

/**
 * Role and household are read anew from a fresh token. Undefined when it is another household's.
 * @throws `unauthenticated` for a bad one, `permission-denied` for another user's or device's.
 */
async function freshCaller(
  token: string,
  { identity }: Caller,
  session: LiveSession,
  parts: SyncParts,
): Promise<Caller | undefined> {
  const fresh = await parts.verifier.verifyUser(token);
  if (fresh.household !== identity.household) return undefined;
  if (fresh.user !== identity.user) throw permissionDenied("the fresh token is another user's", "USER_MISMATCH");
  if (fresh.device !== undefined && fresh.device !== session.ref.device) {
    throw permissionDenied("the fresh token is another device's", "DEVICE_MISMATCH");
  }
  return { identity: fresh, credentials: { token } };
}
