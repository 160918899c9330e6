import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";

/**
 * A message that is already serialised, so that one frame can be sent on many streams for the price of one.
 * Accepted wherever a stream sends; refused with an internal error where another message type is expected.
 */
export class Encoded {
  readonly schema: DescMessage;
  readonly bytes: Buffer;
  #message: Message | undefined;

  constructor(schema: DescMessage, bytes: Uint8Array) {
    this.schema = schema;
    this.bytes = asBuffer(bytes);
  }

  /** The message again, for transports that need it (Connect with JSON); decoded once, on demand. */
  get message(): Message {
    this.#message ??= fromBinary(this.schema, this.bytes);
    return this.#message;
  }
}

/** Serialises once. */
export function encode<Schema extends DescMessage>(schema: Schema, message: MessageInitShape<Schema>): Encoded {
  return new Encoded(schema, toBinary(schema, create(schema, message)));
}

/** The same bytes as a Buffer, which grpc-js needs; not copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
