import { systemClock } from "@funkygibbon/kernel/clock";
import type { Answer } from "./command.ts";
import { exitCodeOf } from "./exit-code.ts";
import { Gibbon } from "./gibbon.ts";
import { faultLines, faultOf } from "./present/fault.ts";
import type { Environment } from "./profile.ts";
import { readCall } from "./program.ts";
import { interrupted } from "./prompts.ts";
import { type Streams, Terminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";

/** A process, as far as gibbon looks at it. */
export interface Surroundings extends Streams {
  readonly words: readonly string[];
  readonly environment: Environment;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs one command line. @returns the exit code. */
export async function run({ words, environment, signal, ...streams }: Surroundings): Promise<number> {
  const isTty = streams.stdout.isTTY === true;
  const forProgram = words.includes("--json");
  const call = readCall(words, {
    out: (text) => streams.stdout.write(text),
    error: (text) => forProgram || streams.stderr.write(text),
    width: isTty ? streams.stdout.columns : undefined,
  });
  if ("exitCode" in call) {
    const { exitCode, message } = call;
    if (exitCode !== 0 && forProgram) {
      streams.stdout.write(`${JSON.stringify({ ok: false, error: faultOf(usageError(message)), notes: [] })}\n`);
    }
    return exitCode;
  }
  const { command, input, common } = call;
  const terminal = new Terminal(streams, environment, common.color);
  const settings = {
    profile: common.profile ?? (environment.GIBBON_PROFILE || "default"),
    json: common.json,
    offline: common.offline,
  };
  const gibbon = new Gibbon({ settings, terminal, environment, clock: systemClock, signal });
  try {
    const answer = await command.run(gibbon, input);
    if (answer === undefined) return 0;
    present(gibbon, answer);
    return answer.exitCode ?? 0;
  } catch (thrown) {
    const error = signal.aborted ? interrupted() : thrown;
    const fault = faultOf(error);
    terminal.endProgress();
    if (settings.json) terminal.answer([JSON.stringify({ ok: false, error: fault, notes: gibbon.notes })]);
    else streams.stderr.write(`${faultLines(fault, terminal.errorLook()).join("\n")}\n`);
    return exitCodeOf(error);
  }
}

function present(gibbon: Gibbon, { data, lines }: Answer): void {
  const { settings, terminal, notes, look } = gibbon;
  if (settings.json) terminal.answer([JSON.stringify({ ok: true, data, notes })]);
  else terminal.answer(lines(look));
}
