import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Sha1 } from "./import-memory.ts";
import type { SourceRecord } from "./source-record.ts";

/** A file as it was read. */
export interface SourceFile {
  /** Its name without folders, for errors. */
  readonly name: string;
  readonly text: string;
}

/** Where an import goes, and what tells it from others. */
export interface ImportScope {
  readonly household: HouseholdId;
  /** Tells two sources of one format apart, because every bridge has an accessory 1; usually {@link ImportFormat.sourceName}. */
  readonly sourceName: string;
  /** For ids and fingerprints that are the same on every run. */
  readonly sha1: Sha1;
}

/** Something in a file that has no place in the graph. */
export interface Omission {
  readonly label: string;
  readonly reason: string;
}

/** What a source has. */
export interface SourceContent {
  /** Entities before the relationships at whose ends they stand. */
  readonly records: readonly SourceRecord[];
  readonly omitted: readonly Omission[];
}

/** One kind of files that a home comes in. */
export interface ImportFormat {
  /** As it is named on a command line. */
  readonly name: string;
  /** One line for a person: which files. */
  readonly summary: string;
  /** Whether these files look like it, by their names and first characters; says nothing of their being whole. */
  recognizes(files: readonly SourceFile[]): boolean;
  /** What a source is called unless somebody says otherwise: the same for its files in any order, and for some of them. */
  sourceName(files: readonly SourceFile[]): string;
  /**
   * Reads the files as a whole: the same files give the same records every time.
   * @throws DomainError `invalid`, reason MALFORMED_IMPORT, naming file and line or path.
   */
  read(files: readonly SourceFile[], scope: ImportScope): SourceContent;
}
