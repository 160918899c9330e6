import { MemoryStore } from "@funkygibbon/client/memory-store";
import type { Edit } from "@funkygibbon/client/replica-record";
import type { Store, StoreBatch, StoredReplica } from "@funkygibbon/client/store";
import type { Journal } from "./journal.ts";

/**
 * The disk of a device. Every edit that leaves it is accounted for: answered, never sent and squashed into a later one, or
 * in no log and relabelled.
 */
export class JournaledStore implements Store {
  readonly #disk: MemoryStore;
  readonly #edits: Map<string, Edit>;
  readonly #journal: Journal;

  private constructor(disk: MemoryStore, edits: Map<string, Edit>, journal: Journal) {
    this.#disk = disk;
    this.#edits = edits;
    this.#journal = journal;
  }

  /** An empty one. */
  static empty(journal: Journal): JournaledStore {
    return new JournaledStore(new MemoryStore(), new Map(), journal);
  }

  /** A disk with the same content, as a clone of the device gets it. */
  async copy(): Promise<JournaledStore> {
    const { meta, records, edits } = await this.#disk.load();
    const disk = new MemoryStore();
    await disk.apply({ meta, clearRecords: true, putRecords: [...records], putEdits: [...edits], removeEdits: [] });
    return new JournaledStore(disk, new Map(this.#edits), this.#journal);
  }

  load(): Promise<StoredReplica> {
    return this.#disk.load();
  }

  /** The edits that still lie there, in words: `7 sent, 3 unsent`. */
  describeEdits(): string {
    const byState = Map.groupBy(this.#edits.values(), ({ state }) => state.kind);
    return [...byState].map(([kind, edits]) => `${edits.length} ${kind}`).join(", ");
  }

  apply(batch: StoreBatch): Promise<void> {
    for (const version of batch.removeEdits) this.#account(version, batch);
    for (const edit of batch.putEdits) this.#edits.set(edit.version, edit);
    return this.#disk.apply(batch);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #account(version: string, batch: StoreBatch): void {
    const edit = this.#edits.get(version);
    this.#edits.delete(version);
    if (edit === undefined || this.#journal.hasAnswer(version)) return;
    const squashed = edit.state.kind === "unsent" && batch.putEdits.some(({ record }) => record === edit.record);
    // Created and deleted again before anybody heard of it.
    const withdrawn = edit.state.kind === "unsent" && edit.parents.length === 0;
    // A clone takes along under its new id what no log can hold: what was never sent, and what was answered DEFERRED.
    const isRelabelled = ({ record, claimedUs }: Edit) => record === edit.record && claimedUs === edit.claimedUs;
    const relabelled = edit.state.kind === "deferred" && batch.putEdits.some(isRelabelled);
    if (squashed || withdrawn || relabelled) return;
    this.#journal.surprises.push(`${version} left its device while it was ${edit.state.kind}`);
  }
}
