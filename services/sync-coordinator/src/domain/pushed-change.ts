import { parseVersion } from "@funkygibbon/kernel/version";

/**
 * A change as the coordinator needs to see it. The rules inside a change are the store's; here it is passed on as it
 * came, so this is only the shape of what is looked at.
 */
export interface PushedChange {
  readonly recordId: string;
  readonly version: string;
  readonly parentVersions: readonly string[];
  readonly content:
    | { readonly case: "entity"; readonly value: { readonly bodyJson: string } }
    | {
        readonly case: "relationship";
        readonly value: { readonly fromId: string; readonly toId: string; readonly propertiesJson: string };
      }
    | { readonly case: undefined };
  /** Present on a version that a device brings back after a restore. */
  readonly heal?: unknown;
}

/** What a push touches: two pushes may be under way at once only when neither has to wait for the other. */
export interface Footprint {
  /** Records that it writes. */
  readonly records: ReadonlySet<string>;
  /** Ends of the relationships that it writes. */
  readonly endpoints: ReadonlySet<string>;
  /** An edit of it may count as later than its device's clock says, because it builds on another device's or is healed. */
  readonly mayCountLater: boolean;
}

/** The footprint of a push, ids in lower case. */
export function footprintOf(changes: readonly PushedChange[]): Footprint {
  const records = new Set<string>();
  const endpoints = new Set<string>();
  for (const change of changes) {
    records.add(change.recordId.toLowerCase());
    if (change.content.case !== "relationship") continue;
    endpoints.add(change.content.value.fromId.toLowerCase());
    endpoints.add(change.content.value.toId.toLowerCase());
  }
  return { records, endpoints, mayCountLater: changes.some(mayCountLater) };
}

/**
 * Whether a push has to wait for an earlier one of its device that is not settled. One that was stored before it would
 * bound the times of the earlier edits, so it waits for those that may count as later (docs/protocol.md, section 2). And
 * it waits for one that writes a record that it writes or connects, or the other way round. An end that both merely
 * connect is no meeting: the store checks edges in the order in which it commits them.
 */
export function hasToWait(push: Footprint, earlier: Footprint): boolean {
  return earlier.mayCountLater || footprintsMeet(push, earlier);
}

function footprintsMeet(a: Footprint, b: Footprint): boolean {
  return (
    !a.records.isDisjointFrom(b.records) ||
    !a.records.isDisjointFrom(b.endpoints) ||
    !a.endpoints.isDisjointFrom(b.records)
  );
}

function mayCountLater({ version, parentVersions, heal }: PushedChange): boolean {
  if (heal !== undefined) return true;
  if (parentVersions.length === 0) return false;
  try {
    const { device } = parseVersion(version);
    return parentVersions.some((parent) => parseVersion(parent).device !== device);
  } catch {
    // What is no version is the store's to reject.
    return false;
  }
}
