import { permissionDenied } from "@funkygibbon/kernel/errors";
import type { DeviceId, Epoch, UserId } from "@funkygibbon/kernel/ids";
import {
  type DeviceRecord,
  judgeSessionKey,
  type OpenedSession,
  rotatedKeys,
  type SessionKeys,
  type SessionOpening,
} from "../../services/entity-store/src/domain/device-registry.ts";
import type { MemoryLog } from "../../services/entity-store/test/memory-log.ts";

interface Row {
  readonly user: UserId;
  readonly keys: SessionKeys;
  readonly acknowledgedSeq: number;
  readonly acknowledgedEpoch: Epoch | undefined;
}

/** What a household's store remembers of its devices, as it was at some time. */
export type RegistrySnapshot = ReadonlyMap<DeviceId, Row>;

const NO_KEYS: SessionKeys = { current: undefined, previous: undefined };

/** The devices of one household in memory: the real judgement of session keys over rows that a restore takes back. */
export class MemoryDeviceRegistry {
  readonly #rows: Map<DeviceId, Row>;
  readonly #log: MemoryLog;
  readonly #newKey: () => Uint8Array;

  /** @param restored the rows of a backup: nobody's key is known then. */
  constructor(log: MemoryLog, newKey: () => Uint8Array, restored: RegistrySnapshot = new Map()) {
    this.#log = log;
    this.#newKey = newKey;
    this.#rows = new Map([...restored].map(([device, row]) => [device, { ...row, keys: NO_KEYS }]));
  }

  snapshot(): RegistrySnapshot {
    return new Map(this.#rows);
  }

  /** @throws DomainError `permission-denied`, reason DEVICE_OF_ANOTHER_USER. */
  openSession(opening: SessionOpening): OpenedSession {
    const { device, user } = opening;
    const row = this.#rows.get(device) ?? { user, keys: NO_KEYS, acknowledgedSeq: 0, acknowledgedEpoch: undefined };
    if (row.user !== user) throw permissionDenied("the device belongs to another user", "DEVICE_OF_ANOTHER_USER");
    const presented = opening.sessionKey.byteLength === 0 ? undefined : opening.sessionKey;
    const verdict = judgeSessionKey(presented, row.keys, (a, b) => Buffer.compare(a, b) === 0);
    if (verdict.kind === "forked") return { sessionKey: NO_KEY, forked: true, device: this.#record(device, row) };
    const next = opening.rotateKey ? this.#newKey() : undefined;
    const keys = next === undefined ? row.keys : rotatedKeys(next, verdict.presented, row.keys);
    this.#rows.set(device, { ...row, keys });
    return { sessionKey: next ?? NO_KEY, forked: false, device: this.#record(device, row) };
  }

  acknowledge(device: DeviceId, seq: number, epoch: Epoch): void {
    const row = this.#rows.get(device);
    if (row === undefined || epoch !== this.#log.position.epoch || seq > this.#log.position.headSeq) return;
    const before = row.acknowledgedEpoch === epoch ? row.acknowledgedSeq : 0;
    this.#rows.set(device, { ...row, acknowledgedSeq: Math.max(before, seq), acknowledgedEpoch: epoch });
  }

  #record(device: DeviceId, row: Row): DeviceRecord {
    const newest = [...this.#log.clocks()].find((clock) => clock.device === device);
    const { user, acknowledgedSeq, acknowledgedEpoch } = row;
    return {
      device,
      user,
      highestSequence: newest?.sequence ?? 0,
      newestVersion: newest?.version,
      acknowledgedSeq,
      acknowledgedEpoch,
      lastSeenUs: 0,
      clientVersion: "",
      platform: "",
    };
  }
}

const NO_KEY = new Uint8Array();
