import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { parseBody } from "./body-edit.ts";
import type { Gibbon } from "./gibbon.ts";
import { confirmed } from "./prompts.ts";

/**
 * Lets a person edit properties as JSON in their own editor, again when what they saved is none.
 * @param check throws a DomainError for what cannot be taken either.
 * @throws DomainError (usage) when nobody can be asked to try again, or would rather not.
 */
export async function editBody(
  gibbon: Gibbon,
  before: JsonObject,
  check: (body: JsonObject) => void = () => undefined,
): Promise<JsonObject> {
  let text = `${JSON.stringify(before, null, 2)}\n`;
  for (;;) {
    text = await editText(gibbon, text);
    try {
      const body = parseBody(text, "what you have saved");
      check(body);
      return body;
    } catch (error) {
      if (!gibbon.isInteractive) throw error;
      await confirmed(gibbon, `${error instanceof Error ? error.message : String(error)}. Edit again?`);
    }
  }
}

/**
 * Lets a person edit a text in their own editor. @returns what they saved.
 * @throws DomainError when the editor cannot be run, or says that it failed: nothing is changed then.
 */
async function editText({ environment, terminal }: Gibbon, text: string): Promise<string> {
  const editor = environment.VISUAL || environment.EDITOR || "vi";
  const folder = mkdtempSync(join(tmpdir(), "gibbon-"));
  const file = join(folder, "properties.json");
  try {
    writeFileSync(file, text, { mode: 0o600 });
    // The variables hold a command line, such as `code --wait`.
    const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, editor, file], { stdio: "inherit" });
    const [code] = await once(child, "exit");
    terminal.endProgress();
    if (code !== 0)
      throw new DomainError("failed-precondition", `${editor} failed: nothing has changed`, { reason: "EDITOR" });
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
