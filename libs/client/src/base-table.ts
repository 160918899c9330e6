import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { BaseRecord } from "./replica-record.ts";
import type { StoredReplica, UnreadRecords } from "./store.ts";

/** Pulled heads by id, tombstones included: a {@link BaseTable}, or a map. */
export interface BaseRecords {
  get(record: RecordId): BaseRecord | undefined;
  keys(): Iterable<RecordId>;
  values(): Iterable<BaseRecord>;
}

/**
 * The pulled heads by id. One that its store has in a form of its own is read when it is first asked for, and kept from then
 * on.
 */
export class BaseTable implements BaseRecords {
  readonly #heads = new Map<RecordId, BaseRecord>();
  readonly #unread: UnreadRecords | undefined;
  #newestSeq = 0;

  constructor(stored: StoredReplica["records"] = []) {
    if ("read" in stored) {
      this.#unread = stored;
      this.#newestSeq = stored.newestSeq;
    } else for (const record of stored) this.set(record);
  }

  /** The newest seq of all that ever were in it; 0: it is empty. */
  get newestSeq(): number {
    return this.#newestSeq;
  }

  get(record: RecordId): BaseRecord | undefined {
    const head = this.#heads.get(record);
    if (head !== undefined) return head;
    const read = this.#read(record);
    if (read !== undefined) this.#heads.set(record, read);
    return read;
  }

  /** The same, but what has to be read for it is not kept: for those who go through very many. */
  glance(record: RecordId): BaseRecord | undefined {
    return this.#heads.get(record) ?? this.#read(record);
  }

  set(record: BaseRecord): void {
    this.#heads.set(record.record, record);
    this.#newestSeq = Math.max(this.#newestSeq, record.seq);
  }

  *keys(): Iterable<RecordId> {
    yield* this.#unread?.ids ?? [];
    for (const id of this.#heads.keys()) if (this.#unread?.ids.placeOf(id) === undefined) yield id;
  }

  /** As {@link glance} has them. */
  *values(): Iterable<BaseRecord> {
    for (const id of this.keys()) yield must(this.glance(id), "there is one of each key");
  }

  #read(record: RecordId): BaseRecord | undefined {
    const place = this.#unread?.ids.placeOf(record);
    return place === undefined ? undefined : this.#unread?.read(place);
  }
}
