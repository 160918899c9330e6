import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { IncomingChange } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { formatVersion } from "@funkygibbon/kernel/version";
import { START_US } from "./memory-log.ts";

/** The n-th record id. */
export function recordId(n: number): string {
  return `0192f3b0-0000-7000-8000-${String(n).padStart(12, "0")}`;
}

/** What differs from an ordinary edit. */
export interface EditOptions {
  readonly parents?: readonly string[];
  readonly deleted?: boolean;
  readonly type?: EntityType;
  /** The device's own clock; by default it counts the seconds of its sequence. */
  readonly atUs?: number;
  readonly checksum?: string;
  readonly wish?: IncomingChange["wish"];
  readonly changedKeys?: readonly string[];
  readonly deferredSinceUs?: number;
  readonly heal?: IncomingChange["heal"];
}

/** A device that makes edits: each takes the next sequence. */
export class TestDevice {
  readonly name: string;
  sequence = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Creates, or with parents updates, a device entity. */
  edit(record: string, body: JsonObject, options: EditOptions = {}): IncomingChange {
    const deleted = options.deleted ?? false;
    const content = {
      kind: "entity",
      type: options.type ?? "device",
      source: "manual",
      bodyJson: deleted ? "" : JSON.stringify(body),
    } as const;
    return { ...this.#change(record, options), content, deleted };
  }

  /** Deletes an entity. */
  remove(record: string, parents: readonly string[], options: EditOptions = {}): IncomingChange {
    return this.edit(record, {}, { ...options, parents, deleted: true });
  }

  /** Creates, or with parents updates, an edge. */
  connect(
    record: string,
    edge: { readonly type?: RelationshipType; readonly from: string; readonly to: string; readonly body?: JsonObject },
    options: EditOptions = {},
  ): IncomingChange {
    const deleted = options.deleted ?? false;
    const content = {
      kind: "relationship",
      type: edge.type ?? "located_in",
      from: edge.from,
      to: edge.to,
      source: "manual",
      bodyJson: deleted ? "" : JSON.stringify(edge.body ?? {}),
    } as const;
    return { ...this.#change(record, options), content, deleted };
  }

  #change(record: string, options: EditOptions) {
    this.sequence += 1;
    const claimedUs = options.atUs ?? START_US + this.sequence * 1_000_000;
    return {
      recordId: record,
      version: formatVersion(claimedUs, this.name as DeviceId, this.sequence),
      parents: options.parents ?? [],
      claimedUs: 0,
      checksum: options.checksum ?? "",
      wish: options.wish,
      changedKeys: options.changedKeys ?? [],
      deferredSinceUs: options.deferredSinceUs ?? 0,
      heal: options.heal,
    };
  }
}

/** Outcomes in the order of the changes, as a list that reads well in an assertion. */
export function outcomesOf(result: { readonly outcomes: readonly ({ readonly outcome: string } | undefined)[] }) {
  return result.outcomes.map((outcome) => outcome?.outcome ?? "diverged");
}
