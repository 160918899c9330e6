import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordContent } from "@funkygibbon/kernel/content";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import type { DeviceId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { Rejection, Strategy } from "@funkygibbon/kernel/record";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";

/** A pushed change after everything that can be checked without the log: either a {@link ValidChange} or its rejection. */
export type PreparedChange =
  | { readonly kind: "valid"; readonly change: ValidChange }
  | {
      readonly kind: "rejected";
      /** A UUID in lower case, or whatever else was sent. */
      readonly record: string;
      /** As it was sent, well-formed or not. */
      readonly version: string;
      readonly rejection: Rejection;
    };

/** An edit whose form is right. */
export interface ValidChange {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly device: DeviceId;
  readonly sequence: number;
  /** Without repetition. */
  readonly parents: readonly VersionId[];
  readonly content: RecordContent;
  /** The body as it was sent; null in a tombstone. */
  readonly bodyText: string | null;
  readonly deleted: boolean;
  readonly source: SourceType;
  /** Hexadecimal SHA-256 of the canonical content. */
  readonly contentHash: string;
  /** By the device's own clock. */
  readonly claimedUs: Micros;
  readonly wish: Strategy | undefined;
  /** The keys that the device says it has changed; undefined: it does not say. */
  readonly changedKeys: ReadonlySet<string> | undefined;
  /** 0: never deferred. */
  readonly deferredSinceUs: Micros;
  readonly heal: ValidHeal | undefined;
}

/** Whose edit a heal brings back, with the times that a log gave it which is gone; none of them is checked against now. */
export interface ValidHeal {
  readonly author: UserId;
  readonly stamps: KeyStamps;
  readonly effectiveUs: Micros;
}
