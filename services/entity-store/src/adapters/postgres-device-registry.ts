import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import { notFound, permissionDenied } from "@funkygibbon/kernel/errors";
import type { DeviceId, Epoch, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement } from "@funkygibbon/postgres/transaction";
import {
  type DeviceRecord,
  type DeviceRef,
  type DeviceRegistry,
  judgeSessionKey,
  type OpenedSession,
  rotatedKeys,
  type SessionOpening,
} from "../domain/device-registry.ts";

const SESSION_KEY_BYTES = 32;

const keyHash = (key: Uint8Array): Buffer => hash("sha256", key, "buffer");

/** Devices in PostgreSQL. Session keys are kept as hashes: a leaked table lets nobody in. */
export class PostgresDeviceRegistry implements DeviceRegistry {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  openSession(opening: SessionOpening): Promise<OpenedSession> {
    const { household, device, user } = opening;
    return this.#database.inTransaction({ households: [household] }, async (tx) => {
      // The row must be there before it can be locked; both together cost one round trip.
      const [, rows] = await Promise.all([
        tx.execute(REGISTER, [household, device]),
        tx.query<DeviceRow>(LOCK_DEVICE, [household, device]),
      ]);
      const row = must(rows[0], "the device has just been registered");
      if (row.user_id !== null && row.user_id !== user) {
        throw permissionDenied("the device belongs to another user of the household", "DEVICE_OF_ANOTHER_USER");
      }
      const presented = opening.sessionKey.byteLength === 0 ? undefined : keyHash(opening.sessionKey);
      const keys = { current: row.session_key_hash ?? undefined, previous: row.previous_key_hash ?? undefined };
      const verdict = judgeSessionKey(presented, keys, (a, b) => a.length === b.length && timingSafeEqual(a, b));
      if (verdict.kind === "forked") return { sessionKey: NO_KEY, forked: true, device: recordFromRow(row) };

      const next = opening.rotateKey ? randomBytes(SESSION_KEY_BYTES) : undefined;
      const kept = next === undefined ? keys : rotatedKeys(keyHash(next), verdict.presented, keys);
      const now = this.#clock.now();
      const { clientVersion, platform } = opening;
      await tx.execute(SEE_DEVICE, [
        household,
        device,
        user,
        now,
        clientVersion,
        platform,
        kept.current ?? null,
        kept.previous ?? null,
      ]);
      const seen = { ...recordFromRow(row), user, lastSeenUs: now, clientVersion, platform };
      return { sessionKey: next ?? NO_KEY, forked: false, device: seen };
    });
  }

  async acknowledge({ household, device }: DeviceRef, acknowledgedSeq: number, epoch: Epoch): Promise<void> {
    await this.#database.inTransaction({ households: [household] }, (tx) =>
      tx.execute(ACKNOWLEDGE, [household, device, acknowledgedSeq, epoch, this.#clock.now()]),
    );
  }

  async list(household: HouseholdId): Promise<readonly DeviceRecord[]> {
    const rows = await this.#database.inTransaction({ households: [household], readOnly: true }, (tx) =>
      tx.query<DeviceRow>(LIST_DEVICES, [household]),
    );
    return rows.map(recordFromRow);
  }

  async forget({ household, device }: DeviceRef): Promise<void> {
    const forgotten = await this.#database.inTransaction({ households: [household] }, (tx) =>
      tx.execute(FORGET_DEVICE, [household, device]),
    );
    if (forgotten === 0) throw notFound("device", device);
  }
}

const NO_KEY = new Uint8Array(0);

interface DeviceRow {
  readonly device_id: string;
  readonly user_id: string | null;
  readonly highest_sequence: number;
  readonly newest_version: string | null;
  readonly acknowledged_seq: number;
  readonly acknowledged_epoch: string | null;
  readonly last_seen_us: number;
  readonly client_version: string;
  readonly platform: string;
  readonly session_key_hash: Buffer | null;
  readonly previous_key_hash: Buffer | null;
}

function recordFromRow(row: DeviceRow): DeviceRecord {
  return {
    device: row.device_id as DeviceId,
    user: (row.user_id ?? undefined) as UserId | undefined,
    highestSequence: row.highest_sequence,
    newestVersion: (row.newest_version ?? undefined) as VersionId | undefined,
    acknowledgedSeq: row.acknowledged_seq,
    acknowledgedEpoch: (row.acknowledged_epoch ?? undefined) as Epoch | undefined,
    lastSeenUs: row.last_seen_us,
    clientVersion: row.client_version,
    platform: row.platform,
  };
}

const COLUMNS = `device_id, user_id, highest_sequence, newest_version, acknowledged_seq, acknowledged_epoch, last_seen_us,
  client_version, platform, session_key_hash, previous_key_hash`;

const REGISTER: Statement = {
  name: "devices.register",
  text: "insert into devices (household_id, device_id) values ($1, $2) on conflict (household_id, device_id) do nothing",
};

/** Two sessions of one device that open at once must not both rotate the same key. */
const LOCK_DEVICE: Statement = {
  name: "devices.lock",
  text: `select ${COLUMNS} from devices where household_id = $1 and device_id = $2 for update`,
};

const SEE_DEVICE: Statement = {
  name: "devices.see",
  text: `update devices set user_id = $3, last_seen_us = $4, client_version = $5, platform = $6,
      session_key_hash = $7, previous_key_hash = $8
    where household_id = $1 and device_id = $2`,
};

const ACKNOWLEDGE: Statement = {
  name: "devices.acknowledge",
  text: `update devices d set
      acknowledged_seq = case when d.acknowledged_epoch = $4::uuid then greatest(d.acknowledged_seq, $3::int8) else $3::int8 end,
      acknowledged_epoch = $4::uuid, last_seen_us = $5
    from households h
    where d.household_id = $1 and d.device_id = $2 and h.household_id = $1 and h.epoch = $4::uuid
      and $3::int8 <= h.head_seq`,
};

const LIST_DEVICES: Statement = {
  name: "devices.list",
  text: `select ${COLUMNS} from devices where household_id = $1 order by device_id`,
};

const FORGET_DEVICE: Statement = {
  name: "devices.forget",
  text: `update devices set user_id = null, session_key_hash = null, previous_key_hash = null
    where household_id = $1 and device_id = $2`,
};
