/**
 * A change as the coordinator needs to see it. The rules inside a change are the store's; here it is passed on as it
 * came, so this is only the shape of what is looked at.
 */
export interface PushedChange {
  readonly recordId: string;
  readonly version: string;
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

/** What a push touches: two pushes may be under way at once only when they do not meet. */
export interface Footprint {
  /** Records that it writes. */
  readonly records: ReadonlySet<string>;
  /** Ends of the relationships that it writes. */
  readonly endpoints: ReadonlySet<string>;
}

/** The records and endpoints of a push, ids in lower case. */
export function footprintOf(changes: readonly PushedChange[]): Footprint {
  const records = new Set<string>();
  const endpoints = new Set<string>();
  for (const change of changes) {
    records.add(change.recordId.toLowerCase());
    if (change.content.case !== "relationship") continue;
    endpoints.add(change.content.value.fromId.toLowerCase());
    endpoints.add(change.content.value.toId.toLowerCase());
  }
  return { records, endpoints };
}

/**
 * Whether one writes a record that the other writes or connects. An end that both merely connect is no meeting: the
 * store checks edges in the order in which it commits them.
 */
export function footprintsMeet(a: Footprint, b: Footprint): boolean {
  return (
    !a.records.isDisjointFrom(b.records) ||
    !a.records.isDisjointFrom(b.endpoints) ||
    !a.endpoints.isDisjointFrom(b.records)
  );
}
