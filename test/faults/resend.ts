import { setTimeout as sleep } from "node:timers/promises";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseVersion } from "@funkygibbon/kernel/version";
import { outcomes as outcomeNames } from "@funkygibbon/wire/outcomes";
import type { PublicClients } from "../support/constellation-callers.ts";
import { WireDevice } from "../support/wire-device.ts";
import type { Crowd } from "./crowd.ts";
import type { Acknowledgement } from "./journal.ts";

const PER_PUSH = 500;
const MAX_ATTEMPTS = 5;

/**
 * I3: sends again everything that this log has answered, in the name of the devices that wrote it, and says where the
 * second answer is another one. Ends the crowd's sessions.
 */
export async function resendEverything(sync: PublicClients["sync"], crowd: Crowd, epoch: string): Promise<string[]> {
  await Promise.all(crowd.devices.map(({ client }) => client.disconnect()));
  const byDevice = Map.groupBy(
    crowd.journal.acknowledgedIn(epoch),
    ({ change }) => parseVersion(change.version).device,
  );
  const problems = [];
  for (const [deviceId, answers] of byDevice) {
    const open = () => WireDevice.open({ sync, token: crowd.tokenOf(deviceId), deviceId });
    problems.push(...(await resend(open, answers)));
  }
  return problems;
}

/** Services that a fault has had restarted may still say that they are not there, as to every client: then once more. */
async function resend(open: () => WireDevice, answers: readonly Acknowledgement[], attempt = 1): Promise<string[]> {
  try {
    await using device = open();
    return await resendOver(device, answers);
  } catch (error) {
    const isNotNow = error instanceof DomainError && error.kind === "unavailable";
    if (!isNotNow || attempt === MAX_ATTEMPTS) throw error;
    await sleep(500);
    return resend(open, answers, attempt + 1);
  }
}

async function resendOver(device: WireDevice, answers: readonly Acknowledgement[]): Promise<string[]> {
  const problems: string[] = [];
  for (let start = 0; start < answers.length; start += PER_PUSH) {
    const some = answers.slice(start, start + PER_PUSH);
    const changes: Change[] = some.map(({ change }) => change);
    const { outcomes, refusedReason } = await device.push(changes);
    if (refusedReason !== "") problems.push(`a resend of ${device.deviceId} was refused: ${refusedReason}`);
    for (const [index, { outcome, duplicate, version }] of outcomes.entries()) {
      const first = some[index]?.outcome;
      if (outcome === first && duplicate) continue;
      const [was, is] = [first ?? outcome, outcome].map(outcomeNames.fromWire);
      problems.push(
        `${version}, answered ${was}, is answered ${is}${duplicate ? "" : " as if new"} when sent again (I3)`,
      );
    }
  }
  return problems;
}
