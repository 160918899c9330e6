import type { EntityView, GraphView } from "@funkygibbon/client/graph-view";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { BEHIND_DEVICES, inside, whereIs } from "../places.ts";
import { valueText } from "../present/entity.ts";
import { branchLines, type TreeNode, treeLines } from "../present/tree.ts";

/** `gibbon tree`. */
export const treeCommand: CommandSpec = {
  name: "tree",
  summary: "draw a home, a room or a device with what is in it",
  arguments: [{ name: "[root]", help: `where to begin; default every home: ${REFERENCE_HELP}` }],
  options: [{ flags: "-a, --all", help: "accessories and services too" }],
  examples: [
    { command: "gibbon tree", says: "the whole home" },
    { command: "gibbon tree hallway --all", says: "the hallway down to the functions of each device" },
  ],
  answers: "`trees` and `elsewhere`, each a list of `id`, `type`, `name`, `about`, `children`",
  async run(gibbon, input) {
    const all = input.flag("all");
    await using home = await gibbon.openHome();
    const { graph } = home.client;
    const root = input.optionalArgument(0);
    const roots = root === undefined ? graph.find({ type: "home" }) : [findEntity(home.client, root)];
    const trees = roots.map((entity) => nodeOf(graph, entity, all, new Set()));
    const lost = root === undefined ? graph.find({ where: (entity) => isLost(graph, entity) }) : [];
    const elsewhere = lost.map((entity) => nodeOf(graph, entity, all, new Set()));
    return {
      data: { trees, elsewhere },
      lines: (look) => [
        ...trees.flatMap((tree) => treeLines(tree, look)),
        ...(elsewhere.length === 0 ? [] : [look.dim("in no room"), ...branchLines(elsewhere, look)]),
        ...(trees.length + elsewhere.length === 0 ? [look.dim("nothing yet: gibbon import brings a home in")] : []),
      ],
    };
  },
};

/** Rooms and devices that a walk from the homes does not reach. */
function isLost(graph: GraphView, { id, type }: EntityView): boolean {
  return (type === "device" || type === "room") && whereIs(graph, id) === undefined;
}

function nodeOf(graph: GraphView, entity: EntityView, all: boolean, above: ReadonlySet<string>): TreeNode {
  const { id, type, name, body } = entity;
  const path = new Set([...above, id]);
  const below = inside(graph, id).filter((child) => !path.has(child.id) && (all || !BEHIND_DEVICES.has(child.type)));
  const abilities = valueText(body.capabilities) || valueText(body.category);
  const about = [valueText(body.manufacturer), valueText(body.model), abilities].filter((text) => text !== "");
  const children = below.map((child) => nodeOf(graph, child, all, path));
  return { id, type, name, about: about.join("  "), children };
}
