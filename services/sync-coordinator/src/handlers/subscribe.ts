import type { SubscribeRequest } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import type { LiveSession } from "./live-session.ts";
import { openLiveSession } from "./open-live-session.ts";
import type { FrameSink } from "./session-voice.ts";
import { callerOf, type SyncParts } from "./sync-parts.ts";
import { endWithCall } from "./sync-stream.ts";

/**
 * Subscribe: the pull half of a session. Paced by the transport: the next page is read when this one has been taken, and
 * the device's acks come by Ack.
 */
export async function* subscribe(
  request: SubscribeRequest,
  call: CallContext,
  parts: SyncParts,
): AsyncGenerator<Encoded> {
  using _inside = parts.sessions.enter();
  const { hello } = request;
  if (hello === undefined) throw invalid([{ field: "hello", description: "is required" }]);
  const frames = new FrameQueue();
  const { signal } = call;
  const greeting = { kind: "subscribe", hello, caller: callerOf(call), sink: frames, signal } as const;
  const session = await openLiveSession(greeting, parts);
  if (session === undefined) frames.close();
  else run(session, frames, signal);
  try {
    yield* frames.read();
    await session?.ended;
  } finally {
    session?.abandon();
  }
}

function run(session: LiveSession, frames: FrameQueue, signal: AbortSignal): void {
  endWithCall(session, signal);
  session.start();
  session.ended.then(
    () => frames.close(),
    () => frames.close(),
  );
}

interface QueuedFrame {
  readonly frame: Encoded;
  readonly taken: () => void;
  readonly lost: (reason: Error) => void;
}

/** Frames on their way to a transport that asks for them. Short: a session has one of each kind under way at most. */
class FrameQueue implements FrameSink {
  readonly #frames: QueuedFrame[] = [];
  #closed = false;
  #gone = false;
  #wake = () => {};

  send(frame: Encoded): Promise<void> {
    if (this.#gone) return Promise.reject(new Error("nobody reads any more"));
    return new Promise((taken, lost) => {
      this.#frames.push({ frame, taken, lost });
      this.#wake();
    });
  }

  /** Nothing more is sent; what is under way still goes. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** A frame counts as taken when the transport asks for the next. */
  async *read(): AsyncGenerator<Encoded> {
    try {
      for (;;) {
        const next = this.#frames[0];
        if (next !== undefined) {
          yield next.frame;
          this.#frames.shift();
          next.taken();
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#gone = true;
      for (const { lost } of this.#frames.splice(0)) lost(new Error("nobody reads any more"));
    }
  }
}
