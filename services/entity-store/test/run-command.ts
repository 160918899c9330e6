import { Readable, Writable } from "node:stream";
import { runCommand } from "../src/commands.ts";

/** Runs a command of entity-store in this process. */
export async function command(args: readonly string[], options: { readonly url: string; readonly stdin?: string }) {
  const stdout = new TextSink();
  const stderr = new TextSink();
  const terminal = { stdin: Readable.from([options.stdin ?? ""]), stdout, stderr };
  const code = await runCommand(args, { environment: { DATABASE_URL: options.url }, terminal });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class TextSink extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
