/** What a {@link watchedResponse} tells. */
export interface ResponseWatcher {
  /** The client can take more. */
  onDemand?(): void;
  /** The last of it has been read, or nobody reads it any more. */
  onEnd(): void;
}

/** The same response, watched on its way to the client. */
export function watchedResponse(response: Response, watcher: ResponseWatcher): Response {
  if (response.body === null) {
    watcher.onEnd();
    return response;
  }
  const reader = response.body.getReader();
  reader.closed.then(
    () => watcher.onEnd(),
    () => watcher.onEnd(),
  );
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      watcher.onDemand?.();
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
