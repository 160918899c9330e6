import type { HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type {
  Allowance,
  BindingCache,
  ClockRaise,
  DevicePresence,
  DeviceRef,
  HouseholdClock,
  Leases,
  LiveClocks,
  Presence,
  RateLimits,
  SessionRef,
} from "../../services/sync-coordinator/src/domain/ports.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualTime } from "./virtual-time.ts";

const CLOCK_TTL_MS = 60_000;
const FLOOR_TTL_MS = 15_000;
const LEASE_TTL_MS = 30_000;

interface Expiring<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/**
 * What coordinators keep in Redis, by the rules of the scripts there: leases, live clocks, bindings, budgets. It may lose
 * all of it at any moment, and it may be away; then everybody does without, as the real adapters do.
 */
export class SimulatedRedis implements Leases, LiveClocks, BindingCache, Presence, RateLimits {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #clocks = new Map<HouseholdId, Expiring<HouseholdClock>>();
  readonly #floors = new Map<HouseholdId, Expiring<string>>();
  readonly #leases = new Map<string, Expiring<string>>();
  readonly #bindings = new Map<string, UserId>();
  available = true;
  /** This share of the requests is over budget. */
  stinginess = 0;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  wipe(): void {
    for (const map of [this.#clocks, this.#floors, this.#leases, this.#bindings]) map.clear();
  }

  async take(device: DeviceRef): Promise<string> {
    let session = this.#newSession(this.#time.now());
    if (!this.available) return session;
    const holder = this.#alive(this.#leases.get(keyOf(device)));
    if (holder !== undefined && holder >= session) session = this.#newSession(timeOf(holder) + 1_000);
    this.#leases.set(keyOf(device), this.#expiring(session, LEASE_TTL_MS));
    return session;
  }

  async renew(ref: SessionRef): Promise<boolean> {
    if (!this.available) return true;
    const holder = this.#alive(this.#leases.get(keyOf(ref)));
    if (holder !== undefined && holder > ref.session) return false;
    this.#leases.set(keyOf(ref), this.#expiring(ref.session, LEASE_TTL_MS));
    return true;
  }

  async release(ref: SessionRef): Promise<void> {
    if (this.available && this.#leases.get(keyOf(ref))?.value === ref.session) this.#leases.delete(keyOf(ref));
  }

  async read(household: HouseholdId): Promise<HouseholdClock | undefined> {
    return this.available ? this.#alive(this.#clocks.get(household)) : undefined;
  }

  async replace(household: HouseholdId, { position, versions }: HouseholdClock): Promise<void> {
    if (!this.available) return;
    const floor = this.#alive(this.#floors.get(household));
    if (floor !== undefined && floor > floorOf(position)) return;
    const known = this.#alive(this.#clocks.get(household));
    if (known !== undefined && known.position.epoch > position.epoch) return;
    const kept = known?.position.epoch === position.epoch ? known : undefined;
    const clock = {
      position: kept === undefined || position.headSeq >= kept.position.headSeq ? position : kept.position,
      versions: { ...kept?.versions, ...versions },
    };
    this.#clocks.set(household, this.#expiring(clock, CLOCK_TTL_MS));
  }

  async raise({ household, position, firstSeq, entry }: ClockRaise): Promise<void> {
    if (!this.available) return;
    const entryNow = this.#clocks.get(household);
    const known = this.#alive(entryNow);
    if (known !== undefined && known.position.epoch > position.epoch) return;
    if (known === undefined || known.position.epoch < position.epoch) {
      this.#clocks.delete(household);
      const floor = this.#alive(this.#floors.get(household));
      if (floor === undefined || floor < floorOf(position)) {
        this.#floors.set(household, this.#expiring(floorOf(position), FLOOR_TTL_MS));
      }
      return;
    }
    const raised = {
      position: position.headSeq > known.position.headSeq ? position : known.position,
      versions: entry === undefined ? known.versions : { ...known.versions, [entry.device]: entry.version },
    };
    const renews = firstSeq <= known.position.headSeq + 1;
    const untilMs = renews ? this.#time.nowMs + CLOCK_TTL_MS : (entryNow?.untilMs ?? 0);
    this.#clocks.set(household, { value: raised, untilMs });
  }

  async boundUser(device: DeviceRef): Promise<UserId | undefined> {
    return this.available ? this.#bindings.get(keyOf(device)) : undefined;
  }

  async remember(device: DeviceRef, user: UserId): Promise<void> {
    if (this.available) this.#bindings.set(keyOf(device), user);
  }

  async forget(device: DeviceRef): Promise<void> {
    this.#bindings.delete(keyOf(device));
  }

  async arrived(): Promise<void> {}

  async left(): Promise<void> {}

  async list(): Promise<readonly DevicePresence[] | undefined> {
    return undefined;
  }

  async spend(): Promise<Allowance> {
    const allowed = !this.#random.chance(this.stinginess);
    return { allowed, remaining: 100, resetAtUs: this.#time.now() + 1_000_000, retryAfterMs: 200 };
  }

  #newSession(nowUs: number): string {
    return uuidV7(
      nowUs,
      Uint8Array.from({ length: 10 }, () => this.#random.below(256)),
    );
  }

  #expiring<Value>(value: Value, ttlMs: number): Expiring<Value> {
    return { value, untilMs: this.#time.nowMs + ttlMs };
  }

  #alive<Value>(entry: Expiring<Value> | undefined): Value | undefined {
    return entry !== undefined && entry.untilMs > this.#time.nowMs ? entry.value : undefined;
  }
}

function keyOf({ household, device }: DeviceRef): string {
  return `${household}/${device}`;
}

function floorOf({ epoch, headSeq }: HouseholdClock["position"]): string {
  return `${epoch}/${String(headSeq).padStart(16, "0")}`;
}

function timeOf(session: string): number {
  return Number.parseInt(session.replace("-", "").slice(0, 12), 16) * 1_000;
}
