import { setTimeout as sleep } from "node:timers/promises";
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
export function within(ms = 30_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** Resolves when the device is {@link Client.settled}. @throws with where it stands, and where it stood, after so many ms. */
export async function untilSettled(device: Client, ms: number): Promise<void> {
  const before = whereabouts(device);
  try {
    await device.settled(within(ms));
  } catch (cause) {
    throw new Error(`after ${ms} ms ${whereabouts(device)}; before that ${before}`, { cause });
  }
}

/** Resolves when all are live at the same seq, nothing pending: the point at which I2 says that they agree. @throws with where each stands, after 30 s. */
export async function untilEqual(...devices: readonly Client[]): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!agree(devices)) {
    if (performance.now() > deadlineMs)
      throw new Error(`the devices do not agree: ${devices.map(whereabouts).join("; ")}`);
    await sleep(5);
  }
}

function agree(devices: readonly Client[]): boolean {
  const states = devices.map(({ state }) => state);
  const seq = Math.max(...states.map(({ headSeq, upToDateSeq }) => Math.max(headSeq, upToDateSeq)));
  return states.every(
    ({ phase, pendingEdits, unheldEdits, upToDateSeq }) =>
      phase === "live" && pendingEdits === 0 && unheldEdits === 0 && upToDateSeq === seq,
  );
}

function whereabouts({ state }: Client): string {
  const { deviceId, phase, upToDateSeq, headSeq, pendingEdits, unheldEdits, epoch, error } = state;
  const edits = `${pendingEdits} pending, ${unheldEdits} unheld`;
  return `${deviceId} ${phase} at ${upToDateSeq}/${headSeq} of ${epoch}, ${edits}${error === undefined ? "" : `, ${error.reason}`}`;
}
