import { isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { nodeSha1 } from "@funkygibbon/client/node-hashes";
import { formatNamed, formatOf, IMPORT_FORMATS } from "@funkygibbon/importers/formats";
import type { SourceFile } from "@funkygibbon/importers/import-format";
import { importInto, planImport } from "@funkygibbon/importers/import-plan";
import { malformed } from "@funkygibbon/importers/json-place";
import { DomainError } from "@funkygibbon/kernel/errors";
import { must } from "@funkygibbon/kernel/must";
import type { CommandSpec } from "../command.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { importData, importLines } from "../present/import-report.ts";
import { usageError } from "../usage-error.ts";

/** `gibbon import`. */
export const importCommand: CommandSpec = {
  name: "import",
  summary: "bring a home in from files",
  details:
    "All or nothing, and again is nothing: a second import of the same files changes nothing, and what you have edited " +
    `since stays.\n\nFormats:\n${IMPORT_FORMATS.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join("\n")}`,
  arguments: [{ name: "<files...>", help: "all files of one source" }],
  options: [
    {
      flags: "-f, --format <format>",
      help: "default: what the files look like",
      choices: IMPORT_FORMATS.map(({ name }) => name),
    },
    {
      flags: "--source <name>",
      help: "tells this source from others of its format (default the name of the file; home-assistant); a pipe has none",
    },
    {
      flags: "--restore",
      help: "bring back what was deleted here; it is skipped else, also after gibbon undo of an import",
    },
    { flags: "--dry-run", help: "say what would happen, and do nothing" },
  ],
  examples: [
    { command: "gibbon import bridge.json rooms.json", says: "a HomeKit bridge, and what stands in which room" },
    { command: "gibbon import .storage/core.*_registry --dry-run", says: "what would come of a Home Assistant" },
    { command: "gibbon import -f csv devices.csv", says: "a table of devices" },
  ],
  answers:
    "`source` (format and name), `dry_run`, `report` (`created`, `restored`, `updated`, `unchanged`, `kept`, `skipped`), `records` (all but the unchanged ones, with `outcome`), `omitted`, `gone`, `delivery`",
  async run(gibbon, input) {
    const files = input.rest(0).map(readSource);
    const named = input.text("format");
    const format = named === undefined ? formatOf(files) : formatNamed(named);
    const sourceName = input.text("source") ?? lastingName(format.sourceName(files), input.rest(0));
    await using home = await gibbon.openHome();
    const { client } = home;
    const scope = {
      household: must(client.state.household, "an open home has a household"),
      sourceName,
      sha1: nodeSha1,
    };
    const request = { format, files, scope, restoreDeleted: input.flag("restore") };
    gibbon.terminal.progress("comparing …");
    if (input.flag("dry-run")) {
      const plan = planImport({ graph: client.graph, ...request });
      return {
        data: { dry_run: true, ...importData(plan) },
        lines: (look) => [...importLines(plan, look), look.dim("A dry run: nothing has changed.")],
      };
    }
    const plan = await importInto(client, request);
    const delivery = deliveryOf(client, await home.sync());
    return {
      data: { dry_run: false, ...importData(plan), delivery },
      lines: (look) => [...importLines(plan, look), ...deliveryLines(delivery).map(look.dim)],
    };
  },
};

/** @throws DomainError (usage) for the name of a pipe: the next one is called otherwise, and would be another source. */
function lastingName(name: string, paths: readonly string[]): string {
  const pipe = paths.find((path) => basename(path) === name && !statSync(path).isFile());
  if (pipe === undefined) return name;
  throw usageError(`${pipe} is no file: say by --source what this source is called, now and next time`);
}

function readSource(path: string): SourceFile {
  const [name, bytes] = [basename(path), readBytes(path)];
  if (isUtf8(bytes)) return { name, text: bytes.toString("utf8") };
  throw malformed(name, `line ${firstForeignLine(bytes)}`, "is not UTF-8: save the file as UTF-8 first");
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new DomainError("not-found", SENTENCES[why]?.(path) ?? `${path} cannot be read (${why})`, {
      reason: "NO_FILE",
      cause: error,
    });
  }
}

const SENTENCES: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `there is no file ${path}`,
  EISDIR: (path) => `${path} is a folder: name the files in it`,
};

/** From 1. No byte of a longer character is a line break. */
function firstForeignLine(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; ; line += 1) {
    const end = bytes.indexOf(0x0a, from);
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}
