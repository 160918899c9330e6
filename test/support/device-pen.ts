import { randomBytes } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Change, ChangeSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type Micros, systemClock } from "@funkygibbon/kernel/clock";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { formatVersion } from "@funkygibbon/kernel/version";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";

type ChangeInit = MessageInitShape<typeof ChangeSchema>;

/** A fresh record id. */
export function newRecordId(): string {
  return uuidV7(systemClock.now(), randomBytes(10));
}

/** Writes the changes of one device as they go over the wire, each with its next sequence and a time that never falls. */
export class DevicePen {
  readonly device: string;
  #sequence = 0;
  readonly #aheadUs: number;
  #lastUs: Micros = 0;

  /** @param aheadUs how far its clock is ahead: the edits of one that is far ahead are of the time of their receipt. */
  constructor(device: string, aheadUs = 0) {
    this.device = device;
    this.#aheadUs = aheadUs;
  }

  /** The version of this device's next edit. */
  version(): string {
    this.#lastUs = Math.max(systemClock.now() + this.#aheadUs, this.#lastUs);
    this.#sequence += 1;
    return formatVersion(this.#lastUs, parseDeviceId(this.device), this.#sequence);
  }

  /** Creates an entity; `overrides` puts in what no decent device would send. */
  entity(body: JsonObject, options: { type?: EntityType; id?: string; overrides?: ChangeInit } = {}): Change {
    const value = { type: entityTypes.toWire(options.type ?? "device"), bodyJson: JSON.stringify(body) };
    return create(ChangeSchema, {
      recordId: options.id ?? newRecordId(),
      version: this.version(),
      content: { case: "entity", value },
      ...options.overrides,
    });
  }

  /** Creates an edge. */
  edge(type: RelationshipType, from: string, to: string, overrides: ChangeInit = {}): Change {
    const value = { type: relationshipTypes.toWire(type), fromId: from, toId: to, propertiesJson: "{}" };
    return create(ChangeSchema, {
      recordId: newRecordId(),
      version: this.version(),
      content: { case: "relationship", value },
      ...overrides,
    });
  }

  /** Edits an entity on top of `before`, whoever wrote that. */
  update(before: Change, body: JsonObject, overrides: ChangeInit = {}): Change {
    if (before.content.case !== "entity") throw new Error("only entities are updated here");
    const value = { ...before.content.value, bodyJson: JSON.stringify(body) };
    return this.#after(before, { content: { case: "entity", value }, ...overrides });
  }

  /** Edits an edge on top of `before`: leads it elsewhere, or says something else of it. */
  updateEdge(
    before: Change,
    to: { readonly to?: string; readonly properties?: JsonObject },
    overrides: ChangeInit = {},
  ): Change {
    if (before.content.case !== "relationship") throw new Error("only edges are updated here");
    const { value: edge } = before.content;
    const value = {
      ...edge,
      ...(to.to !== undefined && { toId: to.to }),
      ...(to.properties && { propertiesJson: JSON.stringify(to.properties) }),
    };
    return this.#after(before, { content: { case: "relationship", value }, ...overrides });
  }

  /** Deletes a record whose head is `before`. */
  remove(before: Change): Change {
    const { content } = before;
    switch (content.case) {
      case "entity":
        return this.#after(before, {
          deleted: true,
          content: { ...content, value: { ...content.value, bodyJson: "" } },
        });
      case "relationship":
        return this.#after(before, {
          deleted: true,
          content: { ...content, value: { ...content.value, propertiesJson: "" } },
        });
      case undefined:
        throw new Error("a change without content has nothing to delete");
    }
  }

  #after(before: Change, init: ChangeInit): Change {
    return create(ChangeSchema, {
      recordId: before.recordId,
      version: this.version(),
      parentVersions: [before.version],
      ...init,
    });
  }
}

/** Entities of about 300 bytes, as many as asked for. */
export function manyEntities(pen: DevicePen, count: number): Change[] {
  return Array.from({ length: count }, (_, index) =>
    pen.entity({ name: `Lamp ${index}`, manufacturer: "Funky", notes: "x".repeat(200) }),
  );
}
