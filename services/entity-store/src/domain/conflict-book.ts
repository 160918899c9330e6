import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { ConflictDraft, ConflictRow } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { Accepted } from "./cascade.ts";
import { Lineage } from "./lineage.ts";
import { eachWithFacts, known } from "./missing-fact.ts";
import type { Head, StoredVersion } from "./stored-version.ts";
import type { Appended, PlannedHead, WorkingLog } from "./working-log.ts";

/** What a conflict is about. */
export interface Contradiction {
  /** The device's side. */
  readonly local: Appended;
  readonly head: Head | undefined;
  readonly base: VersionId | undefined;
  /** What came out of it; undefined when the head stayed. */
  readonly resolved: VersionId | undefined;
}

/** Nobody could decide and nothing is known of the keys. */
export const UNDECIDED: ConflictDraft = {
  type: "version_mismatch",
  strategy: "manual",
  decision: "open",
  fields: [],
};

/** The conflict rows of one commit: those it writes, and the open ones that it joins or closes. */
export class ConflictBook {
  readonly #log: WorkingLog;
  /** New and changed rows by id. */
  readonly #written = new Map<string, ConflictRow>();
  readonly #new = new Set<string>();
  /** As of the versions and rows that there were when it was asked for. */
  readonly #lineages = new Map<
    RecordId,
    { readonly lineage: Lineage; readonly versions: number; readonly rows: number }
  >();
  /** Counts what is written. */
  #rows = 0;

  constructor(log: WorkingLog) {
    this.#log = log;
  }

  /** Rows that this commit inserts. */
  get inserted(): ConflictRow[] {
    return [...this.#written.values()].filter((row) => this.#new.has(row.id));
  }

  /** Rows that this commit changes. */
  get updated(): ConflictRow[] {
    return [...this.#written.values()].filter((row) => !this.#new.has(row.id));
  }

  /** The conflicts of a record that wait for a person. */
  open(record: RecordId): ConflictRow[] {
    const { facts } = this.#log;
    const stored = facts.anyOpenConflict
      ? known(facts.openConflicts.get(record), (needs) => needs.openConflicts.add(record))
      : [];
    const ids = new Set(stored.map((row) => row.id));
    const current = stored.map((row) => this.#written.get(row.id) ?? row);
    const added = [...this.#written.values()].filter((row) => row.record === record && !ids.has(row.id));
    return [...current, ...added].filter((row) => row.decision === "open");
  }

  /** How the versions of a record descend from each other, as of now. */
  lineage(record: RecordId): Lineage {
    const versions = this.#log.versions.length;
    const known = this.#lineages.get(record);
    if (known?.versions === versions && known.rows === this.#rows) return known.lineage;
    const open = this.open(record).map((row) => row.localVersion);
    const { stored, planned } = this.#log.lineage(record);
    const lineage = new Lineage(stored, open, planned);
    this.#lineages.set(record, { lineage, versions, rows: this.#rows });
    return lineage;
  }

  /** Writes a decided contradiction. */
  record(contradiction: Contradiction, draft: ConflictDraft): void {
    const { local, head, base, resolved } = contradiction;
    const server = head === undefined ? undefined : this.#log.detail(head);
    const now = this.#log.committedUs;
    const id = this.#log.context.newId();
    this.#new.add(id);
    this.#write({
      ...draft,
      id,
      record: local.record,
      recordKind: local.content.kind,
      localVersion: local.version,
      serverVersion: server?.version,
      baseVersion: base,
      resolvedVersion: resolved,
      ...sides(local, server),
      openedUs: now,
      settledUs: draft.decision === "open" ? 0 : now,
      settledBy: undefined,
      etag: "1",
    });
  }

  /** Writes a contradiction that waits: joins the open conflict that the device's side builds on, or opens one. */
  wait(contradiction: Contradiction, draft: ConflictDraft, ancestors: ReadonlySet<VersionId>): void {
    const { local, head, base } = contradiction;
    const joined = this.open(local.record).find((row) => ancestors.has(row.localVersion));
    if (joined === undefined) {
      this.record(contradiction, draft);
      return;
    }
    const server = head === undefined ? undefined : this.#log.detail(head);
    this.update(joined, {
      type: draft.type,
      fields: draft.fields,
      localVersion: local.version,
      serverVersion: server?.version,
      baseVersion: base,
      ...sides(local, server),
    });
  }

  /** Changes a row; its etag changes with it. */
  update(row: ConflictRow, change: Partial<ConflictRow>): ConflictRow {
    const next = { ...row, ...change, etag: String(Number(row.etag) + 1) };
    this.#write(next);
    return next;
  }

  /** Closes the conflicts that new heads have overtaken: which delete their record, or descend from the device's side. */
  closeOvertaken({ head, cascaded }: Accepted): void {
    eachWithFacts([head, ...cascaded], (accepted) => this.#closeOvertaken(accepted));
  }

  #closeOvertaken(head: PlannedHead): void {
    // Nothing waits for a plain create, which is what most changes are.
    if (!head.deleted && head.detail.parents.length === 0) return;
    const open = this.open(head.record);
    if (open.length === 0) return;
    const behind = this.lineage(head.record).closure(head.detail.parents);
    for (const row of open) {
      if (!head.deleted && !behind.has(row.localVersion)) continue;
      this.update(row, { decision: "closed", settledUs: this.#log.committedUs, resolvedVersion: head.version });
    }
  }

  #write(row: ConflictRow): void {
    this.#rows += 1;
    this.#written.set(row.id, row);
  }
}

function sides(local: Appended, server: StoredVersion | undefined) {
  return {
    localAuthor: local.author,
    localDevice: local.device,
    serverAuthor: server?.author,
    serverDevice: server?.device,
  } satisfies Partial<ConflictRow> & { localAuthor: UserId };
}
