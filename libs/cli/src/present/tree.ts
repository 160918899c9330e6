import { titleOf } from "./entity.ts";
import type { Look } from "./look.ts";
import { cutTo, fitTo, widthOf } from "./text-width.ts";

/** A node of the tree as `--json` tells it. */
export interface TreeNode {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** Manufacturer, model and capabilities, where there are any. */
  readonly about: string;
  readonly children: readonly TreeNode[];
}

/** What is in something, below it. */
export function treeLines(tree: TreeNode, look: Look): readonly string[] {
  return [look.bold(titleOf(tree)), ...branchLines(tree.children, look)];
}

/** Things with what is in them, each no wider than the terminal. */
export function branchLines(nodes: readonly TreeNode[], look: Look, indent = ""): readonly string[] {
  const room = look.width - indent.length - "├─ ".length;
  const widest = Math.min(room, Math.max(0, ...nodes.map((node) => widthOf(titleOf(node)))));
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const isPlace = node.about === "" && node.children.length > 0;
    const title = cutTo(titleOf(node), widest);
    const about = isPlace ? "" : cutTo(node.about || node.type, room - widest - 2);
    const text = about === "" ? title : `${fitTo(title, widest)}  ${look.dim(about)}`;
    const line = `${look.dim(`${indent}${isLast ? "└─" : "├─"} `)}${isPlace ? look.yellow(text) : text}`;
    return [line, ...branchLines(node.children, look, `${indent}${isLast ? "   " : "│  "}`)];
  });
}
