import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { must } from "@funkygibbon/kernel/must";

/** A bare HTTP/2 server in a process of its own, see bare-server-process.ts: the baseline of what has many streams. */
export class BareServer implements AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { port }: AddressInfo) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
    this.pid = must(child.pid, "it has told its port");
  }

  static async start(): Promise<BareServer> {
    const child = fork(new URL("./bare-server-process.ts", import.meta.url));
    const [address] = (await once(child, "message")) as [AddressInfo];
    return new BareServer(child, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
