import type { SyncStreamRequest, SyncStreamResponse } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";

/** What a device says: the `frame` of a SyncStreamRequest. */
export type DeviceFrame = Exclude<SyncStreamRequest["frame"], { case: undefined }>;
/** What the server says, with household and epoch. */
export type ServerFrame = SyncStreamResponse;

/** How a session is opened. */
export interface OpenOptions {
  /** The bearer token, without `Bearer`. */
  readonly token: string;
  /** Ends the session at once. */
  readonly signal: AbortSignal;
}

/**
 * One session as the transport carries it. Frames from the server come in order; iterating ends when the server ends
 * the session, and throws a DomainError when the session fails.
 */
export interface TransportSession {
  readonly frames: AsyncIterable<ServerFrame>;
  /**
   * Sends a frame; resolves when the transport can take more. A frame that cannot be sent is lost, and `frames` tells
   * of it. Never rejects.
   */
  send(frame: DeviceFrame): Promise<void>;
  /** Ends the session; `frames` then ends too. */
  close(): void;
}

/** A way to a server. */
export interface Transport {
  /** For the logs of the server, for example `node` or `browser`. */
  readonly platform: string;
  /** How many pushes may be unanswered: two on a stream that keeps their order, otherwise one (docs/protocol.md, section 4). */
  readonly pushWindow: 1 | 2;
  /** Opens a session; failing to connect shows in its `frames`. */
  open(options: OpenOptions): TransportSession;
}
