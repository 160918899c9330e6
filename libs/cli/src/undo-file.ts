import { readFileSync, rmSync } from "node:fs";
import type { UndoStep } from "@funkygibbon/client/undo";
import { makePrivateFolder, writeWhole } from "./private-file.ts";

/** An import of ten thousand records is not kept: it would be written again with every command. */
const MAX_CHARACTERS = 4_000_000;

interface Kept {
  readonly household: string;
  /** Each as JSON, oldest first. */
  readonly steps: readonly string[];
}

/** What earlier commands could take back in this household, oldest first. */
export function readUndo(file: string, household: string | undefined): readonly UndoStep[] {
  try {
    const kept: Kept = JSON.parse(readFileSync(file, "utf8"));
    return kept.household === household ? kept.steps.map((step) => JSON.parse(step) as UndoStep) : [];
  } catch {
    // None yet, or damaged: an edit that cannot be taken back at a word is no reason to do nothing at all.
    return [];
  }
}

/** Keeps what can be taken back, for this user alone. What does not fit is forgotten, with all before it. */
export function writeUndo(file: string, household: string, undoable: readonly UndoStep[]): void {
  const steps: string[] = [];
  let room = MAX_CHARACTERS;
  for (const step of undoable.toReversed()) {
    const text = JSON.stringify(step);
    room -= text.length;
    if (room < 0) break;
    steps.unshift(text);
  }
  const kept: Kept = { household, steps };
  if (steps.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  makePrivateFolder(file);
  writeWhole(file, JSON.stringify(kept));
}
