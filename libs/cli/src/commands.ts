import type { CommandSpec } from "./command.ts";
import { benchCommand } from "./commands/bench.ts";
import { completionCommand } from "./commands/completion.ts";
import { listConflictsCommand } from "./commands/conflicts.ts";
import { explainConflictCommand } from "./commands/conflicts-explain.ts";
import { settleConflictCommand } from "./commands/conflicts-settle.ts";
import { createCommand } from "./commands/create.ts";
import { devicesCommand } from "./commands/devices.ts";
import { diffCommand } from "./commands/diff.ts";
import { editCommand } from "./commands/edit.ts";
import { exportCommand } from "./commands/export.ts";
import { historyCommand } from "./commands/history.ts";
import { importCommand } from "./commands/import.ts";
import { linkCommand } from "./commands/link.ts";
import { loginCommand } from "./commands/login.ts";
import { lsCommand } from "./commands/ls.ts";
import { pathCommand } from "./commands/path.ts";
import { policiesCommand } from "./commands/policies.ts";
import { restoreCommand } from "./commands/restore.ts";
import { rmCommand } from "./commands/rm.ts";
import { searchCommand } from "./commands/search.ts";
import { showCommand } from "./commands/show.ts";
import { statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { tokenCommand } from "./commands/token.ts";
import { treeCommand } from "./commands/tree.ts";
import { undoCommand } from "./commands/undo.ts";

const MOST: readonly CommandSpec[] = [
  loginCommand,
  tokenCommand,
  statusCommand,
  syncCommand,
  lsCommand,
  showCommand,
  treeCommand,
  searchCommand,
  pathCommand,
  historyCommand,
  diffCommand,
  createCommand,
  editCommand,
  linkCommand,
  rmCommand,
  restoreCommand,
  undoCommand,
  listConflictsCommand,
  explainConflictCommand,
  settleConflictCommand,
  policiesCommand,
  importCommand,
  exportCommand,
  devicesCommand,
  benchCommand,
];

/** Every command, in the order in which helps list them. */
export const COMMANDS: readonly CommandSpec[] = [...MOST, completionCommand(MOST)];
