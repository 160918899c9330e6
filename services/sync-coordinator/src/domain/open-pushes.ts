import { hasToWait } from "./pushed-change.ts";
import type { OpenPush } from "./session-state.ts";

/** The pushes with one of them at another stage. */
export function withStage(pushes: readonly OpenPush[], id: number, stage: OpenPush["stage"]): readonly OpenPush[] {
  return pushes.map((push) => (push.id === id ? { ...push, stage } : push));
}

/** Those that may be answered now. Pushes are answered in the order in which they came. */
export function answerable(pushes: readonly OpenPush[]): readonly OpenPush[] {
  const first = pushes.findIndex(({ stage }) => stage === "waiting" || stage === "committing");
  const before = first === -1 ? pushes : pushes.slice(0, first);
  return before.filter(({ stage }) => stage === "settled");
}

/** Those that may be committed now. A push waits for every earlier one that is not settled, where it has to. */
export function committable(pushes: readonly OpenPush[]): readonly OpenPush[] {
  const ready: OpenPush[] = [];
  for (const [index, push] of pushes.entries()) {
    if (push.stage !== "waiting") continue;
    const unsettled = pushes.slice(0, index).filter(({ stage }) => stage === "waiting" || stage === "committing");
    if (unsettled.some((earlier) => hasToWait(push.footprint, earlier.footprint))) return ready;
    ready.push(push);
  }
  return ready;
}
