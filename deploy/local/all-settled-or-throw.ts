/** Like Promise.all, but returns only when nothing is on its way any more: what starts late must be there to be stopped. */
export async function allSettledOrThrow<T>(work: readonly (T | Promise<T>)[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
