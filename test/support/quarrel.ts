import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { PushResult } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Constellation } from "./constellation.ts";
import type { TestHousehold } from "./constellation-callers.ts";
import { DevicePen } from "./device-pen.ts";
import { WireDevice } from "./wire-device.ts";

/** What a record said, and what two devices made of it without knowing of each other. */
export interface QuarrelOptions {
  readonly before?: JsonObject;
  /** Ben's panel comes first, so this becomes the head; null deletes. */
  readonly panel?: JsonObject | null;
  /** Ada's phone comes later. */
  readonly phone?: JsonObject | null;
  readonly type?: EntityType;
  readonly wish?: ResolutionStrategy;
}

/**
 * Two devices of one household that do not know of each other's edits. Ben edits a minute before Ada, so that hers is the
 * later edit also when a message is long under way and what it says of its device's clock is taken for an error of that.
 */
export class QuarrellingDevices implements AsyncDisposable {
  readonly household: TestHousehold;
  readonly phone: WireDevice;
  readonly panel: WireDevice;
  readonly #phonePen = new DevicePen("phone-of-ada");
  readonly #panelPen = new DevicePen("panel-of-ben", -60_000_000);

  private constructor(household: TestHousehold, phone: WireDevice, panel: WireDevice) {
    this.household = household;
    this.phone = phone;
    this.panel = panel;
  }

  /** In a household of their own. */
  static async meet(system: Constellation): Promise<QuarrellingDevices> {
    const household = await system.newHousehold();
    const open = (deviceId: string, token: string) => WireDevice.open({ sync: system.clients.sync, token, deviceId });
    const phone = open("phone-of-ada", household.tokens.owner);
    const panel = open("panel-of-ben", household.tokens.member);
    await Promise.all([phone.upToDate(), panel.upToDate()]);
    return new QuarrellingDevices(household, phone, panel);
  }

  /** Both edit a new record; the phone's edit meets the panel's. */
  async quarrel(options: QuarrelOptions = {}): Promise<{
    readonly base: Change;
    readonly server: Change;
    readonly local: Change;
    /** What the phone was answered. */
    readonly answer: PushResult;
  }> {
    const { before = { name: "Lamp", brightness: 50 }, wish } = options;
    const panelSays = options.panel === undefined ? { ...before, brightness: 30 } : options.panel;
    const phoneSays = options.phone === undefined ? { ...before, brightness: 70 } : options.phone;
    const base = this.#panelPen.entity(before, { type: options.type ?? "device" });
    const server = panelSays === null ? this.#panelPen.remove(base) : this.#panelPen.update(base, panelSays);
    const wished = wish === undefined ? {} : { wish };
    const local = phoneSays === null ? this.#phonePen.remove(base) : this.#phonePen.update(base, phoneSays, wished);
    await this.panel.push([base]);
    await this.panel.push([server]);
    return { base, server, local, answer: await this.phone.push([local]) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.phone[Symbol.asyncDispose](), this.panel[Symbol.asyncDispose]()]);
  }
}
