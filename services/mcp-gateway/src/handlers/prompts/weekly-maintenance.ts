import type { Prompt } from "../feature.ts";
import { presentRef } from "../present.ts";
import { embeddedHome, embeddedJson } from "../resources/home-resources.ts";
import { conversation } from "./prompt.ts";

const LIMIT = 100;

/** Goes through what a home needs each week. */
export const weeklyMaintenance: Prompt = {
  listed: {
    name: "weekly_maintenance",
    title: "Weekly maintenance",
    description: "Goes through what the home needs this week: procedures, schedules, open conflicts, silent devices",
  },
  async get(_, context) {
    const { graph, conflicts, devices, call } = context;
    const [tasks, open, synced, home] = await Promise.all([
      graph.listEntities(call, { types: ["procedure", "schedule"], limit: LIMIT }),
      conflicts.listConflicts(call, { state: "open", recordId: undefined, limit: LIMIT, cursor: undefined }),
      devices.listDevices(call),
      embeddedHome(context),
    ]);
    const facts = {
      procedures_and_schedules: tasks.items.map((entity) => ({ ...presentRef(entity), content: entity.content })),
      open_conflicts: open.items.map(({ id, recordId, type, openedAt }) => ({ id, recordId, type, openedAt })),
      replicas: synced.map(({ deviceId, connected, behind, lastSeen }) => ({ deviceId, connected, behind, lastSeen })),
    };
    const asked =
      "Plan this week's maintenance of my home from the facts above. List the procedures that are due or soon due, the " +
      "conflicts that wait for my decision, and replicas that have not been seen for long or are far behind. Look with " +
      "what_changed (since 7d) at what was changed this week and say what needs a second look. Ask me before you change " +
      "anything.";
    return conversation("This week's maintenance", { asked, given: [...home, embeddedJson("maintenance", facts)] });
  },
  complete: async () => [],
};
