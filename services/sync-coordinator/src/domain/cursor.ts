import { type Epoch, type HouseholdId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";

/** "I have everything up to `seq` of this epoch" (docs/protocol.md, sections 1 and 7). */
export interface Cursor {
  readonly household: HouseholdId;
  readonly epoch: Epoch;
  /** 0: nothing yet. */
  readonly seq: number;
  /** Tombstones up to here are left out: the head seq at the start of a pull from empty; 0 once the cursor has passed it. */
  readonly tombstonesAboveSeq: number;
  /**
   * The newest head among the snapshots of what was sent: records that were replaced up to there may be missing, although
   * they were at `seq` or below. 0 once the cursor has passed it.
   */
  readonly snapshotSeq: number;
}

/** The newest seq that a device with this cursor knows the log to have. */
export function newestSeq({ seq, snapshotSeq }: Cursor): number {
  return Math.max(seq, snapshotSeq);
}

/** Keyed message authentication code of TOKEN_SECRET, for example HMAC-SHA256; at least 16 bytes. */
export type Mac = (bytes: Uint8Array) => Uint8Array;

const FORMAT = 2;
const MAC_BYTES = 16;
const EPOCH_BYTES = 16;
const SEQ_BYTES = 6;
const SEQ_AT = 1 + EPOCH_BYTES;
const TOMBSTONES_AT = SEQ_AT + SEQ_BYTES;
const SNAPSHOT_AT = TOMBSTONES_AT + SEQ_BYTES;
const FIXED_BYTES = SNAPSHOT_AT + SEQ_BYTES;
const MAX_TEXT_LENGTH = 256;
/** Keeps a cursor from being taken for anything else that the same secret authenticates. */
const PURPOSE = Buffer.from("inbetweenies-v1 cursor\n");

/** Writes and verifies cursors: opaque to devices, good on every replica that shares the secret. */
export class CursorCodec {
  readonly #mac: Mac;
  /** All sessions of a household that are sent a change stand at the same cursor then. */
  #lastWritten: { readonly payload: Buffer; readonly text: string } | undefined;

  constructor(mac: Mac) {
    this.#mac = mac;
  }

  /** URL-safe text, about 90 characters. */
  encode(cursor: Cursor): string {
    const { seq, tombstonesAboveSeq, snapshotSeq } = cursor;
    const household = Buffer.from(cursor.household, "latin1");
    const payload = Buffer.alloc(FIXED_BYTES + household.length);
    payload[0] = FORMAT;
    payload.write(cursor.epoch.replaceAll("-", ""), 1, "hex");
    payload.writeUIntBE(seq, SEQ_AT, SEQ_BYTES);
    payload.writeUIntBE(seq < tombstonesAboveSeq ? tombstonesAboveSeq : 0, TOMBSTONES_AT, SEQ_BYTES);
    payload.writeUIntBE(seq < snapshotSeq ? snapshotSeq : 0, SNAPSHOT_AT, SEQ_BYTES);
    household.copy(payload, FIXED_BYTES);
    if (this.#lastWritten?.payload.equals(payload)) return this.#lastWritten.text;
    const text = Buffer.concat([payload, this.#tag(payload)]).toString("base64url");
    this.#lastWritten = { payload, text };
    return text;
  }

  /** The cursor that we once wrote; undefined for anything else, which stands for a pull from empty. */
  decode(text: string): Cursor | undefined {
    if (text === "" || text.length > MAX_TEXT_LENGTH) return undefined;
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length <= FIXED_BYTES + MAC_BYTES || bytes[0] !== FORMAT) return undefined;
    const payload = bytes.subarray(0, bytes.length - MAC_BYTES);
    if (!equalInConstantTime(bytes.subarray(payload.length), this.#tag(payload))) return undefined;
    const epoch = payload.toString("hex", 1, 1 + EPOCH_BYTES);
    return {
      household: parseHouseholdId(payload.toString("latin1", FIXED_BYTES)),
      epoch: parseEpoch(
        [epoch.slice(0, 8), epoch.slice(8, 12), epoch.slice(12, 16), epoch.slice(16, 20), epoch.slice(20)].join("-"),
      ),
      seq: payload.readUIntBE(SEQ_AT, SEQ_BYTES),
      tombstonesAboveSeq: payload.readUIntBE(TOMBSTONES_AT, SEQ_BYTES),
      snapshotSeq: payload.readUIntBE(SNAPSHOT_AT, SEQ_BYTES),
    };
  }

  #tag(payload: Uint8Array): Uint8Array {
    return this.#mac(Buffer.concat([PURPOSE, payload])).subarray(0, MAC_BYTES);
  }
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0);
  return difference === 0;
}
