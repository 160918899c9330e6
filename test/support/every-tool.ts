import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { connectAssistant, type ToolArguments } from "./assistant.ts";
import type { Constellation } from "./constellation.ts";
import type { TestHousehold } from "./constellation-callers.ts";
import { QuarrellingDevices } from "./quarrel.ts";

/** A household in which every tool has something to work on. */
export interface ToolGround extends AsyncDisposable {
  readonly household: TestHousehold;
  /** A call of each tool that succeeds any number of times: what would take something away is only tried. */
  readonly calls: Readonly<Record<string, ToolArguments>>;
}

/** Prepares it, through an assistant and two devices that quarrel. */
export async function groundForEveryTool(house: Constellation): Promise<ToolGround> {
  const devices = await QuarrellingDevices.meet(house);
  const { household } = devices;
  await devices.quarrel({ wish: ResolutionStrategy.MANUAL });
  await using member = await connectAssistant(house, household.tokens.member);
  const done = async (tool: string, args: ToolArguments) => {
    const { data, failed, text } = await member.call<Written>(tool, args);
    if (failed) throw new Error(text);
    return { ...data, id: data.entity?.id ?? data.relationship?.id ?? "" };
  };
  const { id: kitchen } = await done("create_entity", { type: "room", name: "Kitchen" });
  const { id: lamp } = await done("create_entity", { type: "device", name: "Pendant", content: { maker: "Lumen" } });
  const placed = await done("create_relationship", { type: "located_in", from: lamp, to: kitchen });
  const { id: gone } = await done("create_entity", { type: "note", name: "Milk" });
  await done("delete_entity", { entity_id: gone });
  const { conflicts } = await done("list_conflicts", {});
  const tried = { dry_run: true };
  return {
    household,
    calls: {
      search_entities: { query: "pendant" },
      get_entity_details: { entity: lamp },
      get_devices_in_room: { room: "Kitchen" },
      query_graph: { query: "find_rooms" },
      find_device_controls: { device: lamp },
      get_room_connections: { room: kitchen },
      find_path: { from: lamp, to: kitchen },
      find_similar_entities: { entity: lamp },
      get_procedures_for_device: { device: lamp },
      get_automations_in_room: { room: kitchen },
      get_history: { record: lamp },
      what_changed: { since: "1h" },
      get_activity: {},
      list_conflicts: {},
      create_entity: { type: "note", name: "Bread", ...tried },
      update_entity: { entity_id: lamp, content: { on: true }, ...tried },
      delete_entity: { entity_id: lamp, ...tried },
      restore_entity: { entity_id: gone, ...tried },
      create_relationship: { type: "controls", from: lamp, to: lamp, ...tried },
      end_relationship: { relationship_id: placed.id, ...tried },
      settle_conflict: { conflict_id: conflicts?.[0]?.id, take: "server", ...tried },
      undo: { call_id: placed.call_id, ...tried },
      sync_now: {},
    },
    [Symbol.asyncDispose]: () => devices[Symbol.asyncDispose](),
  };
}

interface Written {
  readonly call_id: string;
  readonly entity?: { readonly id: string };
  readonly relationship?: { readonly id: string };
  readonly conflicts?: readonly { readonly id: string }[];
}
