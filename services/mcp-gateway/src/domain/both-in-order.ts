/** Waits for both at once; when both fail it is always the first that is told, so that equal calls get equal answers. */
export async function bothInOrder<T>(first: Promise<T>, second: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
