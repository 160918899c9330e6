/** Something that the person at the keyboard has to put right; the message is the one sentence that they get to read. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a system error such as `EACCES`, when it is one. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
