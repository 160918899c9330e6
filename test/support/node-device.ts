import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import type { Constellation } from "./constellation.ts";

/** A real device (libs/client over gRPC), connected. @param options.token default: the owner of the first household. */
export async function connectDevice(
  { urls, tokens }: Pick<Constellation, "urls" | "tokens">,
  options: { readonly deviceId: string; readonly token?: string },
): Promise<Client> {
  const client = await openNodeClient({
    url: urls.syncCoordinator,
    token: () => options.token ?? tokens.owner,
    deviceId: options.deviceId,
  });
  client.connect();
  return client;
}

/** Ends a wait of a test with a clear error. */
export function within(ms = 15_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** Resolves when all are live at the same seq, nothing pending: the point at which I2 says that they agree. */
export async function untilEqual(...devices: readonly Client[]): Promise<void> {
  const signal = within();
  for (;;) {
    const states = await Promise.all(devices.map((device) => device.settled(signal)));
    const headSeq = Math.max(...states.map((state) => state.headSeq));
    await Promise.all(devices.map((device) => device.until((state) => state.upToDateSeq >= headSeq, signal)));
    const seqs = new Set(devices.map((device) => device.state.upToDateSeq));
    if (seqs.size === 1 && devices.every((device) => device.state.pendingEdits === 0)) return;
  }
}
