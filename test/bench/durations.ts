/** Milliseconds that each of some calls took, one after the other. */
export async function durationsMs(calls: number, ask: (call: number) => unknown): Promise<number[]> {
  const taken: number[] = [];
  for (let call = 0; call < calls; call++) {
    const began = performance.now();
    await ask(call);
    taken.push(performance.now() - began);
  }
  return taken;
}
