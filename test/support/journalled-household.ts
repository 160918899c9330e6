import { createHash } from "node:crypto";
import type { CommitResult } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { addToDigest, type Digest, digestTerm } from "@funkygibbon/kernel/digest";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import { DevicePen } from "./device-pen.ts";

/** A push, and its answer once there is one. */
export interface JournalEntry {
  readonly changes: readonly Change[];
  answer: CommitResult | undefined;
}

const BATCH_EVERY = 50;
const BATCH_LAMPS = 30;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * The edits of one household, made by one device and noted before they are sent: what a store that was killed is judged
 * by. Nobody else writes there, so every edit has to be APPLIED and what the graph must say is known beforehand.
 */
export class JournalledHousehold {
  readonly id: string;
  readonly token: string;
  readonly epoch: string;
  readonly entries: JournalEntry[] = [];
  readonly #pen = new DevicePen("hub");
  readonly #room: Change;
  /** The newest edit of each record that lives. */
  readonly #live = new Map<string, Change>();
  /** Lamps that live, and the edges that go with them. */
  readonly #edgeOf = new Map<string, Change>();

  constructor(household: { readonly id: string; readonly token: string; readonly epoch: string }) {
    this.id = household.id;
    this.token = household.token;
    this.epoch = household.epoch;
    this.#room = this.#made(this.#pen.entity({ name: "Room" }, { type: "room" }));
  }

  get device(): string {
    return this.#pen.device;
  }

  /** Makes the next push: mostly an edit or three, sometimes a delete that takes an edge along, now and then a batch. */
  next(): JournalEntry {
    const number = this.entries.length;
    const entry = { changes: this.#compose(number), answer: undefined };
    this.entries.push(entry);
    return entry;
  }

  /** The digest that the log must have when everything in the journal is in it. */
  get digest(): Digest {
    let digest = 0n;
    for (const { recordId, version } of this.#live.values()) {
      digest = addToDigest(digest, digestTerm(parseRecordId(recordId), parseVersion(version).id, sha256));
    }
    return digest;
  }

  #compose(number: number): Change[] {
    if (number === 0) return [this.#room];
    if (number % BATCH_EVERY === BATCH_EVERY - 1) return this.#batch();
    const [lamp] = this.#edgeOf.keys();
    if (number % 7 === 3 && lamp !== undefined) return [this.#removed(lamp)];
    const made = this.#pen.entity({ name: `Lamp ${number}` });
    switch (number % 3) {
      case 0:
        return [this.#made(made)];
      case 1:
        return [this.#made(made), this.#connected(made)];
      default: {
        const renamed = this.#pen.update(made, { name: `Lamp ${number}`, on: true });
        return [this.#made(made), this.#made(renamed), this.#connected(made)];
      }
    }
  }

  /** Chains and edges, the ends and parents after what builds on them. */
  #batch(): Change[] {
    const lamps = Array.from({ length: BATCH_LAMPS }, (_, n) => this.#made(this.#pen.entity({ name: `Batch ${n}` })));
    const renamed = lamps.map((lamp) => this.#made(this.#pen.update(lamp, { name: "Batch", on: true })));
    const edges = lamps.map((lamp) => this.#connected(lamp));
    return [...lamps, ...renamed, ...edges].reverse();
  }

  #made(change: Change): Change {
    this.#live.set(change.recordId, change);
    return change;
  }

  #connected(lamp: Change): Change {
    const edge = this.#made(this.#pen.edge("located_in", lamp.recordId, this.#room.recordId));
    this.#edgeOf.set(lamp.recordId, edge);
    return edge;
  }

  #removed(id: string): Change {
    const lamp = this.#live.get(id);
    const edge = this.#edgeOf.get(id);
    if (lamp === undefined || edge === undefined) throw new Error("only a lamp in a room is removed");
    for (const gone of [id, edge.recordId]) this.#live.delete(gone);
    this.#edgeOf.delete(id);
    return this.#pen.remove(lamp);
  }
}
