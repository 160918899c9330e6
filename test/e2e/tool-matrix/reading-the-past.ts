import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { itemsIn, type ToolRow } from "./row.ts";

/** The tools that tell what was, who did it, and what waits for a person. */
export const readingThePast: readonly ToolRow[] = [
  {
    tool: "get_history",
    happy: {
      args: ({ lamp }) => ({ record: lamp, fields: ["brightness"] }),
      async check({ data }, home, { clients, as }) {
        const { entries } = await clients.entities.getEntityHistory({ id: home.lamp }, as);
        const versions = entries.map(({ version }) => version?.version);
        expect(itemsIn(data.versions).map(({ version }: { version: string }) => version)).toEqual(versions);
        expect(data.versions).toMatchObject([
          { became: "waits", current: false, fields: { brightness: 70 }, through: home.panel },
          { became: "accepted", current: true, fields: { brightness: 30 }, changed: ["brightness"] },
          { became: "accepted", current: false, fields: { brightness: 50 }, author: "ada" },
        ]);
      },
    },
    empty: "a record has at least the version that made it",
    names: [{ argument: "record", right: "lampInKitchen", wrong: { never: "everything has a history" } }],
    pages: { args: ({ heater }) => ({ record: heater }), limit: ["limit", 200], list: "versions" },
    overLimit: { args: ({ lamp }) => ({ record: lamp, limit: 201 }), field: "limit" },
  },
  {
    tool: "what_changed",
    happy: {
      args: ({ before }) => ({ since: before, limit: 100 }),
      async check({ data }, home, { clients, as }) {
        const since = timestampFromDate(new Date(home.before));
        const { differences } = await clients.graph.diffGraph({ since }, as);
        expect(itemsIn(data.changes).map(({ id }: { id: string }) => id)).toEqual(
          differences.map((each) => each.recordId),
        );
        const about = (id: string) => itemsIn(data.changes).find((change: { id: string }) => change.id === id);
        expect(about(home.loner)).toMatchObject({ change: "created", what: "Hermit", type: "app", by: "ben" });
        expect(about(home.edges.switchControlsLamp)).toMatchObject({ what: "Wall switch controls Ceiling lamp" });
      },
    },
    empty: { args: ({ after }) => ({ since: after }), data: { changes: [] } },
    names: "it is about all of the home",
    pages: { args: ({ before }) => ({ since: before }), limit: ["limit", 200], list: "changes" },
    overLimit: { args: () => ({ since: "1h", limit: 201 }), field: "limit" },
  },
  {
    tool: "get_activity",
    happy: {
      args: ({ loner }) => ({ record: loner, through: "mcp" }),
      async check({ data }, home, { clients, as }) {
        const { calls } = await clients.activity.listActivity({ recordId: home.loner }, as);
        expect(data.calls).toEqual([
          {
            call_id: home.renaming,
            at: expect.any(String),
            user: "ben",
            through: "mcp",
            assistant: "Test Assistant",
            tool: "update_entity",
            changes: [
              {
                change: "updated",
                id: home.loner,
                type: "app",
                what: "Hermit",
                version: calls[0]?.changes[0]?.version,
                before: calls[0]?.changes[0]?.versionBefore,
                along: false,
              },
            ],
            change_count: 1,
          },
        ]);
      },
    },
    empty: { args: ({ lamp }) => ({ record: lamp }), data: { calls: [] } },
    names: [{ argument: "record", right: "loner", wrong: { never: "everything may have been changed" } }],
    pages: { args: () => ({}), limit: ["limit", 100], list: "calls" },
    overLimit: { args: () => ({ limit: 101 }), field: "limit" },
  },
  {
    tool: "list_conflicts",
    happy: {
      args: ({ lamp }) => ({ entity: lamp }),
      async check({ data }, home, { clients, as }) {
        const { conflicts } = await clients.conflicts.listConflicts({ recordId: home.lamp }, as);
        expect(data.conflicts).toMatchObject([
          {
            id: home.conflict,
            record_id: home.lamp,
            name: "Ceiling lamp",
            decision: "open",
            etag: conflicts[0]?.etag,
            fields: [{ field: "brightness", device: 70, server: 30, base: 50 }],
          },
        ]);
      },
    },
    empty: { args: ({ hall }) => ({ entity: hall }), data: { conflicts: [] } },
    names: [{ argument: "entity", right: "lamp", wrong: "lampInKitchen" }],
    pages: { args: () => ({}), limit: ["limit", 100], list: "conflicts" },
    overLimit: { args: () => ({ limit: 101 }), field: "limit" },
  },
];
