import { type Epoch, type HouseholdId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";

/** "I have everything up to `seq` of this epoch" (docs/protocol.md, sections 1 and 7). */
export interface Cursor {
  readonly household: HouseholdId;
  readonly epoch: Epoch;
  /** 0: nothing yet. */
  readonly seq: number;
  /** Tombstones up to here are left out: the head seq at the start of a pull from empty; 0 once the cursor has passed it. */
  readonly tombstonesAboveSeq: number;
}

/** Keyed message authentication code of TOKEN_SECRET, for example HMAC-SHA256; at least 16 bytes. */
export type Mac = (bytes: Uint8Array) => Uint8Array;

const FORMAT = 1;
const MAC_BYTES = 16;
const EPOCH_BYTES = 16;
const FIXED_BYTES = 1 + EPOCH_BYTES + 6 + 6;
const MAX_TEXT_LENGTH = 256;
/** Keeps a cursor from being taken for anything else that the same secret authenticates. */
const PURPOSE = Buffer.from("inbetweenies-v1 cursor\n");

/** Writes and verifies cursors: opaque to devices, good on every replica that shares the secret. */
export class CursorCodec {
  readonly #mac: Mac;

  constructor(mac: Mac) {
    this.#mac = mac;
  }

  /** URL-safe text, about 80 characters. */
  encode(cursor: Cursor): string {
    const household = Buffer.from(cursor.household, "latin1");
    const payload = Buffer.alloc(FIXED_BYTES + household.length);
    payload[0] = FORMAT;
    payload.write(cursor.epoch.replaceAll("-", ""), 1, "hex");
    payload.writeUIntBE(cursor.seq, 1 + EPOCH_BYTES, 6);
    payload.writeUIntBE(cursor.seq < cursor.tombstonesAboveSeq ? cursor.tombstonesAboveSeq : 0, 7 + EPOCH_BYTES, 6);
    household.copy(payload, FIXED_BYTES);
    return Buffer.concat([payload, this.#tag(payload)]).toString("base64url");
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
      seq: payload.readUIntBE(1 + EPOCH_BYTES, 6),
      tombstonesAboveSeq: payload.readUIntBE(7 + EPOCH_BYTES, 6),
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
