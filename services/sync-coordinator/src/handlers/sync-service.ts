import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import { ack } from "./ack.ts";
import { forgetDevice, listDevices, requestSync } from "./devices.ts";
import { subscribe } from "./subscribe.ts";
import { sync } from "./sync.ts";
import type { SyncParts } from "./sync-parts.ts";
import { syncStream } from "./sync-stream.ts";

/** The one door for devices. */
export function syncService(parts: SyncParts): BoundService {
  return implement(SyncService, {
    access: "user",
    handlers: {
      sync: (request, call) => sync(request, call, parts),
      syncStream: (stream, call) => syncStream(stream, call, parts),
      subscribe: (request, call) => subscribe(request, call, parts),
      ack: (request, call) => ack(request, call, parts),
      listDevices: (_request, call) => listDevices(call, parts),
      forgetDevice: (request, call) => forgetDevice(request, call, parts),
      requestSync: (request, call) => requestSync(request, call, parts),
    },
  });
}
