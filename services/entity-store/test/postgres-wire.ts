import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A COMMIT that is going to be lost. */
export interface LostCommit {
  /** `request`: PostgreSQL never hears of it. `answer`: it has committed, and nobody is told. */
  readonly lost: "request" | "answer";
  /** How many COMMITs go through before it. Default 0. */
  readonly after?: number;
  /** Goes on after PostgreSQL has committed and before the connection breaks. */
  readonly meanwhile?: () => Promise<unknown>;
}

/**
 * The wire between a pool of one connection and PostgreSQL: what is sent over it is listed by name, answers can be held
 * back, a COMMIT can be lost.
 */
export class PostgresWire implements AsyncDisposable {
  /** Statements in the order in which they were sent: prepared ones by their names, others by their first word. */
  readonly sent: string[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  /** Frames of PostgreSQL that have not been passed on, with whom they go to. */
  #held: { readonly frame: Buffer; readonly to: Socket }[] = [];
  /** Questions of the present connection, and how many of them may be answered. */
  #asked = 0;
  #answered = 0;
  #answerable = Number.POSITIVE_INFINITY;
  #losing: LostCommit | undefined;
  #throughBefore = 0;

  private constructor(url: string) {
    this.#target = new URL(url);
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** @param url of the database, with host and port. */
  static async open(url: string): Promise<PostgresWire> {
    const wire = new PostgresWire(url);
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  /** Of the same database by way of this wire. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Holds back every answer from now on. */
  hold(): void {
    this.#answerable = this.#answered;
  }

  /** Lets the answers to what has been sent so far through, and no more. */
  deliver(): void {
    this.#answerable = this.#asked;
    this.#passOn();
  }

  /** Holds nothing back any more. */
  release(): void {
    this.#answerable = Number.POSITIVE_INFINITY;
    this.#passOn();
  }

  /** Resolves when a statement has been sent, now or later. */
  async seen(statement: string): Promise<void> {
    while (!this.sent.includes(statement)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Breaks the connection at a COMMIT, once. */
  loseCommit(losing: LostCommit): void {
    this.#losing = losing;
    this.#throughBefore = losing.after ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    const server = connect({ host: this.#target.hostname, port: Number(this.#target.port), noDelay: true });
    // The beginning of a connection is answered like a question.
    this.#asked += 1;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    const asked = new Frames({ startup: true });
    client.on("data", (data) => {
      for (const frame of asked.take(data))
        if (!this.#ask(frame)) return void client.destroy();
        else server.write(frame);
    });
    const answers = new Frames({ startup: false });
    server.on("data", (data) => {
      for (const frame of answers.take(data)) {
        if (this.#losesAnswer(frame)) {
          server.pause();
          void Promise.resolve(this.#losing?.meanwhile?.()).finally(() => client.destroy());
          this.#losing = undefined;
          return;
        }
        this.#held.push({ frame, to: client });
      }
      this.#passOn();
    });
  }

  /** Notes what is sent; false when it shall be lost. */
  #ask(frame: Buffer): boolean {
    const name = statementOf(frame);
    if (kindOf(frame) === "Q" || kindOf(frame) === "S") this.#asked += 1;
    if (name === undefined) return true;
    if (name === "COMMIT" && this.#losing?.lost === "request" && this.#throughBefore-- === 0) {
      this.#losing = undefined;
      return false;
    }
    this.sent.push(name);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    return true;
  }

  #losesAnswer(frame: Buffer): boolean {
    if (this.#losing?.lost !== "answer") return false;
    return kindOf(frame) === "C" && textAt(frame, 5) === "COMMIT" && this.#throughBefore-- === 0;
  }

  #passOn(): void {
    while (this.#answered < this.#answerable) {
      const next = this.#held.shift();
      if (next === undefined) return;
      next.to.write(next.frame);
      // Ready for the next question.
      if (kindOf(next.frame) === "Z") this.#answered += 1;
    }
  }
}

/** Cuts a stream into the messages of PostgreSQL's protocol: a letter, the length of the rest as four bytes, the rest. */
class Frames {
  #rest: Buffer = Buffer.alloc(0);
  /** The first message of a client has no letter. */
  #startup: boolean;

  constructor({ startup }: { readonly startup: boolean }) {
    this.#startup = startup;
  }

  *take(data: Buffer): Generator<Buffer> {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const letter = this.#startup ? 0 : 1;
      if (this.#rest.length < letter + 4) return;
      const length = letter + this.#rest.readUInt32BE(letter);
      if (this.#rest.length < length) return;
      const frame = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      // A startup message is told by where it stands; what is left of it is nobody's statement.
      yield frame;
      this.#startup = false;
    }
  }
}

function kindOf(frame: Buffer): string {
  return String.fromCharCode(frame[0] ?? 0);
}

function textAt(frame: Buffer, from: number): string {
  return frame.toString("utf8", from, frame.indexOf(0, from));
}

/** Bind names a prepared statement behind its portal; a simple query is its text. */
function statementOf(frame: Buffer): string | undefined {
  switch (kindOf(frame)) {
    case "Q":
      return textAt(frame, 5).split(" ")[0];
    case "B":
      return textAt(frame, frame.indexOf(0, 5) + 1);
    default:
      return undefined;
  }
}
