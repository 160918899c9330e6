import { createServer } from "node:net";

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A supply of ports: each is handed out once, and only when it is free at that moment. */
export interface PortSupply {
  /** @throws Error when all ports of the supply are taken. */
  next(): Promise<number>;
}

/** The free ports of `first` … `last`, in order. */
export function portsBetween(first: number, last: number): PortSupply {
  let candidate = first;
  return {
    async next() {
      while (candidate <= last) {
        const port = candidate++;
        if (await isPortFree(port)) return port;
      }
      throw new Error(`no port is free between ${first} and ${last}`);
    },
  };
}

/** Free ports anywhere in 20000 … 31999: below the ports that outgoing connections take (32768 and up on Linux). */
export function anyPorts(): PortSupply {
  const start = Math.floor(Math.random() * 12_000);
  let offset = 0;
  return {
    async next() {
      while (offset < 12_000) {
        const port = 20_000 + ((start + offset++) % 12_000);
        if (await isPortFree(port)) return port;
      }
      throw new Error("no port is free between 20000 and 31999");
    },
  };
}

/** One port and no other: for a server that has to come back where its clients look for it. */
export function onlyPort(port: number): PortSupply {
  let used = false;
  return {
    async next() {
      if (used) throw new Error(`port ${port} is taken`);
      used = true;
      return port;
    },
  };
}
