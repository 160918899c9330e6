import type { DescService } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { DomainError } from "@funkygibbon/kernel/errors";
import { givenToken } from "./given-token.ts";
import { unlessAborted } from "./timers.ts";
import { errorOfConnect } from "./transport-error.ts";

/** Whom calls go to, and as whom. */
export interface ServiceClientOptions {
  /** Where the service answers, for example `http://127.0.0.1:4401`. */
  readonly url: string;
  /** Gives a valid token (without `Bearer`); asked before each call. */
  readonly token: () => string | Promise<string>;
  /** How long a call may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** A client of one public service over fetch; nothing connects before the first call, and calls fail with DomainErrors. */
export function serviceClient<Service extends DescService>(
  service: Service,
  { url, token, timeoutMs = DEFAULT_TIMEOUT_MS }: ServiceClientOptions,
): Client<Service> {
  const authorized: Interceptor = (next) => async (request) => {
    const given = await unlessAborted(givenToken(token), request.signal);
    request.header.set("authorization", `Bearer ${given}`);
    return next(request);
  };
  const options = { baseUrl: url, useBinaryFormat: true, interceptors: [authorized], defaultTimeoutMs: timeoutMs };
  return translated(createClient(service, createConnectTransport(options)), url);
}

/** The client, its unary calls failing in the terms of the domain. */
function translated<C extends object>(client: C, url: string): C {
  return new Proxy(client, {
    get(target, name) {
      const call: unknown = Reflect.get(target, name);
      if (typeof call !== "function") return call;
      return (...args: unknown[]) => {
        const answer: unknown = call.apply(target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.catch((error: unknown) => {
          // What the token has failed with comes wrapped.
          const cause = error instanceof ConnectError ? error.cause : undefined;
          throw cause instanceof DomainError ? cause : errorOfConnect(error, url);
        });
      };
    },
  });
}
