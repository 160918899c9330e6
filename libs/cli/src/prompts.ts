import { confirm, isCancel, password, select } from "@clack/prompts";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { Gibbon } from "./gibbon.ts";

/** Ctrl-C, or an end that somebody else has ordered. */
export function interrupted(): DomainError {
  return new DomainError("cancelled", "interrupted", { reason: "INTERRUPTED" });
}

/** A person was asked and would rather not. */
function declined(): DomainError {
  return new DomainError("cancelled", "as you like: nothing has changed", { reason: "INTERRUPTED" });
}

/** Whether something was thrown because a person would rather not. */
export function isInterrupt(thrown: unknown): boolean {
  return thrown instanceof DomainError && thrown.reason === "INTERRUPTED";
}

/** Asks for a yes where a person can be asked; goes on where nobody can. @throws DomainError for a no. */
export async function confirmed(gibbon: Gibbon, message: string): Promise<void> {
  if (!gibbon.isInteractive) return;
  const answer = await confirm({ message, initialValue: false, signal: gibbon.signal });
  if (isCancel(answer) || !answer) throw declined();
}

/** Lets a person choose. @throws DomainError when they would rather not. */
export async function choose<T extends string>(
  gibbon: Gibbon,
  message: string,
  choices: readonly { readonly value: T; readonly label: string; readonly hint?: string }[],
): Promise<T> {
  const options = choices.map(({ value, label, hint }) => ({ value, label, ...(hint === undefined ? {} : { hint }) }));
  const answer = await select<string>({ message, options, signal: gibbon.signal });
  const chosen = isCancel(answer) ? undefined : choices.find(({ value }) => value === answer);
  if (chosen === undefined) throw declined();
  return chosen.value;
}

/** Asks for something that is not to be seen. @throws DomainError when they would rather not. */
export async function askSecret(gibbon: Gibbon, message: string): Promise<string> {
  const answer = await password({ message, signal: gibbon.signal });
  if (isCancel(answer)) throw declined();
  return answer;
}
