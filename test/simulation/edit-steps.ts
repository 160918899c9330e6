import { DomainError } from "@funkygibbon/kernel/errors";
import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import { assertNever } from "@funkygibbon/kernel/must";
import type { ApiAction } from "../../services/entity-store/src/domain/commit-job.ts";
import type { Step, StepOf } from "./schedule.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { HOUSEHOLD, type SimulatedStore } from "./simulated-store.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The kinds of keys that edits set: some by everybody, one by each installation alone. */
export const SHARED_KEYS = ["brightness", "note", "scene"] as const;

/** The key that only this installation writes. */
export function ownKey(installation: number): string {
  return `own-${installation}`;
}

/** A step in which the user of a device edits something. */
export type EditStep = Extract<Step, { do: "create" | "import" | "update" | "delete" | "relate" | "move" }>;

/** What people do to the home: on their devices, and through the API. */
export class EditSteps {
  readonly #store: SimulatedStore;
  readonly #time: VirtualTime;
  #written = 0;
  #records = 0;

  constructor(store: SimulatedStore, time: VirtualTime) {
    this.#store = store;
    this.#time = time;
  }

  /** Resolves when the device has the edit on its disk, or there was nothing to be edited. */
  make(device: SimulatedDevice, step: EditStep): Promise<void> {
    switch (step.do) {
      case "create":
      case "import":
        return this.#create(device, step);
      case "update":
        return this.#update(device, step);
      case "delete":
        return this.#delete(device, step.which);
      case "relate":
        return this.#relate(device, step);
      case "move":
        return this.#move(device, step);
      default:
        return assertNever(step, "edit step");
    }
  }

  async #create(device: SimulatedDevice, { do: how, which }: StepOf<"create" | "import">) {
    const [type, name] = (
      [
        ["room", "Room"],
        ["device", "Lamp"],
        ["note", "Note"],
      ] as const
    )[which % 3] as readonly ["room" | "device" | "note", string];
    const id = how === "import" ? idOf(900 + which) : this.#newRecord();
    const body = this.#values(device, 0b1001);
    const keys = new Map(Object.entries(body));
    await device.edit((editor) => ({ record: editor.create({ id, type, body: { ...body, name } }), value: id }), {
      keys,
      deleted: false,
    });
  }

  async #update(device: SimulatedDevice, { which, keys }: StepOf<"update">): Promise<void> {
    const id = this.#seen(device, which);
    if (id === undefined) return;
    const body = this.#values(device, keys);
    const set = new Map(Object.entries(body));
    await device.edit((editor) => (editor.update(id, body) ? { record: id, value: id } : undefined), {
      keys: set,
      deleted: false,
    });
  }

  async #delete(device: SimulatedDevice, which: number): Promise<void> {
    const id = this.#seen(device, which, "edges too");
    if (id === undefined) return;
    const gone = { keys: new Map(), deleted: true };
    await device.edit((editor) => {
      editor.remove(id);
      return { record: id, value: id };
    }, gone);
  }

  async #relate(device: SimulatedDevice, { which, to }: StepOf<"relate">): Promise<void> {
    const from = this.#seen(device, which);
    const end = this.#seen(device, to);
    if (from === undefined || end === undefined || from === end) return;
    const id = this.#newRecord();
    await device.edit(
      (editor) => ({ record: editor.relate({ id, type: "depends_on", from, to: end }), value: id }),
      NOTHING_SET,
    );
  }

  async #move(device: SimulatedDevice, { which, to }: StepOf<"move">): Promise<void> {
    const edges = device.client?.graph.relationships() ?? [];
    const edge = edges.map(({ id }) => id).sort()[which % Math.max(1, edges.length)];
    const end = this.#seen(device, to);
    if (edge === undefined || end === undefined) return;
    await device.edit(
      (editor) => (editor.redirect(edge, { to: end }) ? { record: edge, value: edge } : undefined),
      NOTHING_SET,
    );
  }

  /** A record that the device shows, by its place. */
  #seen(device: SimulatedDevice, which: number, edges?: "edges too"): RecordId | undefined {
    const graph = device.client?.graph;
    if (graph === undefined) return undefined;
    const ids = [...graph.find(), ...(edges === undefined ? [] : graph.relationships())].map(({ id }) => id).sort();
    return ids[which % Math.max(1, ids.length)];
  }

  /** Fresh values for some keys: the bits of `keys` say for which; the last one is the installation's own. */
  #values(device: SimulatedDevice, keys: number): Record<string, string> {
    const values: Record<string, string> = {};
    this.#written += 1;
    const value = `${device.options.installation}/${this.#written}`;
    for (const [bit, key] of [...SHARED_KEYS, ownKey(device.options.installation)].entries()) {
      if ((keys >> bit) % 2 === 1) values[key] = value;
    }
    return values;
  }

  #newRecord(): RecordId {
    this.#records += 1;
    return idOf(this.#records);
  }

  /** A few things are there before anybody comes. */
  furnish(): void {
    const types = ["room", "device", "device", "note"] as const;
    const ids = types.map((type) => {
      const record = this.#newRecord();
      const content = { kind: "entity", type, body: { name: type, [SHARED_KEYS[0]]: "api/0" } } as const;
      this.#commitThroughTheApi({ kind: "create", record, content, source: "manual" });
      return record;
    });
    const [room, lamp] = ids;
    if (room === undefined || lamp === undefined) return;
    const content = { kind: "relationship", type: "located_in", from: lamp, to: room, body: {} } as const;
    this.#commitThroughTheApi({ kind: "create", record: this.#newRecord(), content, source: "manual" });
  }

  throughTheApi({ do: what, which }: StepOf<"api-update" | "api-delete" | "api-restore">): void {
    if (!this.#store.available) return;
    const wanted = what === "api-restore";
    const heads = [...this.#store.log.heads.values()].filter(
      (head) => head.deleted === wanted && head.kind === "entity",
    );
    const head = heads.sort((a, b) => (a.record < b.record ? -1 : 1))[which % Math.max(1, heads.length)];
    if (head === undefined) return;
    this.#written += 1;
    const shared = { record: head.record, recordKind: "entity", expected: "any" } as const;
    const action: ApiAction =
      what === "api-update"
        ? {
            ...shared,
            kind: "update",
            body: { kind: "patch", set: { [SHARED_KEYS[0]]: `api/${this.#written}` }, remove: [] },
            ends: undefined,
            source: undefined,
          }
        : what === "api-delete"
          ? { ...shared, kind: "delete" }
          : { ...shared, kind: "restore", version: undefined };
    try {
      this.#commitThroughTheApi(action);
    } catch (error) {
      // Of a record that came back as a mere tombstone there is nothing to be restored.
      if (!(error instanceof DomainError && error.kind === "not-found")) throw error;
    }
  }

  #commitThroughTheApi(action: ApiAction): void {
    this.#store.commitNow({
      kind: "api",
      household: HOUSEHOLD,
      user: "api-user" as UserId,
      receivedUs: this.#time.now(),
      origin: { channel: "api", clientName: "simulation", tool: "", callId: "" },
      request: undefined,
      dryRun: false,
      action,
    });
  }
}

const NOTHING_SET = { keys: new Map<string, string>(), deleted: false };

function idOf(record: number): RecordId {
  return `0192f3b0-0000-7000-8000-${String(record).padStart(12, "0")}` as RecordId;
}
