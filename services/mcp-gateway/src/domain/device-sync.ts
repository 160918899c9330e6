import type { ToolCall } from "./tool-call.ts";

/** A device of the household as sync sees it. */
export interface SyncDevice {
  readonly deviceId: string;
  readonly connected: boolean;
  /** How many changes of the household it has not acknowledged. */
  readonly behind: number;
  /** RFC 3339; undefined when it is not known. */
  readonly lastSeen: string | undefined;
  /** What it says it runs on, for example `ios`; empty when it does not. */
  readonly platform: string;
}

/** The household's devices and how to wake them. Throws DomainErrors. */
export interface DeviceSync {
  listDevices(call: ToolCall): Promise<readonly SyncDevice[]>;
  /** Asks one device, or all connected ones, to sync now; answers how many were asked. */
  requestSync(
    call: ToolCall,
    request: { readonly deviceId: string | undefined; readonly reason: string },
  ): Promise<number>;
}
