import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Writes one line to the terminal. */
export type WriteLine = (line: string) => void;

const COLOURS = { red: 31, yellow: 33, cyan: 36, grey: 90 } as const;
type Colour = keyof typeof COLOURS;

/** Wraps text in a colour where a terminal shows it. */
export type Paint = (colour: Colour, text: string) => string;

/** Colours only where a person looks (and has not set NO_COLOR). */
export function painter(isTerminal: boolean): Paint {
  if (!isTerminal || process.env.NO_COLOR) return (_colour, text) => text;
  return (colour, text) => (text === "" ? "" : `\u001b[${COLOURS[colour]}m${text}\u001b[0m`);
}

/** Writes each line of a service's output with the time and the service's name before it; returns how to see the last ones. */
export function relayLines(input: Readable, options: { name: string; write: WriteLine; paint: Paint }): () => string[] {
  const last: string[] = [];
  createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
    const readable = readableLine(line, options.paint);
    last.push(readable.bare);
    if (last.length > 20) last.shift();
    options.write(`${readable.time} ${options.paint("cyan", options.name.padEnd(NAME_WIDTH))} ${readable.text}`);
  });
  return () => [...last];
}

const NAME_WIDTH = "conflict-resolution".length;
const LEVEL_COLOURS: Readonly<Record<string, Colour>> = {
  fatal: "red",
  error: "red",
  warn: "yellow",
  debug: "grey",
  trace: "grey",
};
/** Shown elsewhere in the line, or the same in all lines. */
const OMITTED = new Set(["level", "time", "msg", "service", "err", "pid", "hostname"]);

/** A JSON line of pino as `12:00:01.250 … warn event-name key=value`; anything else as it is. */
function readableLine(line: string, paint: Paint): { time: string; text: string; bare: string } {
  const entry = parseEntry(line);
  if (entry === undefined) return { time: clockTime(new Date()), text: line, bare: line };
  const { level = "info", msg = "", time, err } = entry;
  const facts = Object.entries(entry)
    .filter(([key]) => !OMITTED.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const error = describeError(err);
  const bare = [msg, ...facts, error].filter((part) => part !== "").join(" ");
  const shown = [String(msg), paint("grey", facts.join(" ")), paint("red", error)]
    .filter((part) => part !== "")
    .join(" ");
  const colour = LEVEL_COLOURS[String(level)];
  const word = String(level).padEnd(5);
  return { time: clockTime(new Date(String(time))), text: `${colour ? paint(colour, word) : word} ${shown}`, bare };
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function describeError(err: unknown): string {
  if (typeof err !== "object" || err === null) return "";
  const { message, stack } = err as { message?: unknown; stack?: unknown };
  return typeof stack === "string" ? `\n${stack}` : String(message ?? "");
}

function clockTime(date: Date): string {
  const valid = Number.isNaN(date.getTime()) ? new Date() : date;
  return valid.toISOString().slice(11, 23);
}
