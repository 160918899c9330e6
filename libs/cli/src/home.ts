import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import type { SyncState } from "@funkygibbon/client/sync-state";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import type { Gibbon } from "./gibbon.ts";
import { counted } from "./present/look.ts";
import { makePrivateFolder } from "./profile.ts";

/** How fresh the replica is. */
export type Freshness =
  | { readonly kind: "live" }
  /** The server could not be reached, or was not asked; `reason` for a person. */
  | { readonly kind: "offline"; readonly reason: string };

/** The replica of a profile, open. */
export interface Home extends AsyncDisposable {
  readonly client: Client;
  readonly freshness: Freshness;
  /** Brings the replica and the server together, as far as they can. */
  sync(): Promise<Freshness>;
  /** Waits until the replica has what the server has just written, so that it is there offline, too. */
  catchUpWith(written: { readonly id: string; readonly version: string }): Promise<void>;
}

/** How long a command waits for the server before it works with what it has. */
const PATIENCE_MS = 20_000;
/** How long nothing may move. A first pull of a large home takes longer than this, but it moves. */
const SILENCE_MS = 6_000;

/**
 * Opens the replica, and brings it up to date when the server answers.
 * @throws DomainError `unavailable` when there is no replica yet and nobody to make one from.
 */
export async function openHome(gibbon: Gibbon): Promise<Home> {
  const { connection, file } = { connection: gibbon.connection(), file: gibbon.replicaFile };
  makePrivateFolder(file);
  const client = await openNodeClient({
    url: connection.urls.syncCoordinator,
    token: () => gibbon.connection().token,
    file,
    deviceId: newDeviceId(),
    clientVersion: "gibbon/0.1.0",
  });
  const home = {
    client,
    sync: () => syncOnce(gibbon, client),
    catchUpWith: (written: { readonly id: string; readonly version: string }) => catchUpWith(gibbon, client, written),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
  try {
    const freshness = await home.sync();
    if (client.state.household === undefined) {
      const why = freshness.kind === "offline" ? freshness.reason : "the server did not say whose home it is";
      throw unavailable(`there is nothing of your home on this machine yet, and ${why}`, { retryAfterMs: 0 });
    }
    if (freshness.kind === "offline" && !gibbon.settings.offline) gibbon.note(`offline, ${freshness.reason}`);
    return { ...home, freshness };
  } catch (error) {
    await home[Symbol.asyncDispose]();
    throw error;
  }
}

/** What became of edits, for the answer of a command that made some. */
export function deliveryOf({ state }: Client, freshness: Freshness): "synced" | "queued" {
  return freshness.kind === "live" && state.pendingEdits === 0 ? "synced" : "queued";
}

/** What {@link deliveryOf} means to a person; nothing when all is well. */
export function deliveryLines(delivery: "synced" | "queued"): readonly string[] {
  return delivery === "synced" ? [] : ["Kept on this machine; gibbon sync sends it."];
}

async function syncOnce(gibbon: Gibbon, client: Client): Promise<Freshness> {
  if (gibbon.settings.offline) return { kind: "offline", reason: "as asked" };
  const patience = new AbortController();
  const late = setTimeout(() => patience.abort(), PATIENCE_MS);
  let silence = setTimeout(() => patience.abort(), SILENCE_MS);
  const stopWatching = client.onState((state) => {
    clearTimeout(silence);
    silence = setTimeout(() => patience.abort(), SILENCE_MS);
    if (state.upToDateSeq > 0) clearTimeout(late);
    showProgress(gibbon, client);
  });
  try {
    client.connect();
    return freshnessOf(await client.until(isDecided, AbortSignal.any([gibbon.signal, patience.signal])));
  } catch (error) {
    if (gibbon.signal.aborted || !patience.signal.aborted) throw error;
    return { kind: "offline", reason: "the server takes too long to answer" };
  } finally {
    clearTimeout(late);
    clearTimeout(silence);
    stopWatching();
    gibbon.terminal.endProgress();
  }
}

async function catchUpWith(
  gibbon: Gibbon,
  client: Client,
  { id, version }: { readonly id: string; readonly version: string },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (client.inspect(id).version === version) resolve();
  };
  const stopWatching = client.onChange(look);
  const late = setTimeout(resolve, SILENCE_MS);
  const interrupt = () => resolve();
  gibbon.signal.addEventListener("abort", interrupt, { once: true });
  look();
  await promise;
  gibbon.signal.removeEventListener("abort", interrupt);
  clearTimeout(late);
  stopWatching();
}

/** Up to date, or not getting any further by waiting. */
function isDecided(state: SyncState): boolean {
  const { phase, pendingEdits, unheldEdits, upToDateSeq, headSeq, pushRefused } = state;
  if (phase === "waiting" || phase === "stopped") return true;
  const sent = (pendingEdits === 0 && unheldEdits === 0) || pushRefused !== undefined;
  return phase === "live" && sent && upToDateSeq >= headSeq;
}

/** @throws DomainError when somebody has to decide, and for a token that is not taken. */
function freshnessOf(state: SyncState): Freshness {
  const { phase, stopReason, error } = state;
  if (phase === "live") return { kind: "live" };
  if (phase === "stopped") {
    throw new DomainError("failed-precondition", STOPPED[stopReason ?? "refused"](error?.message), {
      reason: error?.reason ?? "STOPPED",
    });
  }
  if (error !== undefined && NO_ENTRY.has(error.reason)) {
    throw new DomainError("unauthenticated", `the server does not take the token: ${error.message}`, {
      reason: error.reason,
    });
  }
  return { kind: "offline", reason: error?.message ?? "the server does not answer" };
}

const NO_ENTRY: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "TOKEN_EXPIRED", "TOKEN_INVALID"]);

const STOPPED = {
  superseded: () => "another gibbon uses this profile's device",
  forgotten: () => "an owner has forgotten this device: log in under another profile",
  "household-changed": () => "the token is for another home than this replica: log in under another profile",
  refused: (message: string | undefined) => `the server refuses this device: ${message ?? "it does not say why"}`,
} as const;

function showProgress({ terminal }: Gibbon, { state, graph }: Client): void {
  const { phase, pendingEdits, headSeq, upToDateSeq } = state;
  if (phase === "connecting") terminal.progress("connecting …");
  if (phase === "catching-up" || phase === "healing") {
    terminal.progress(`pulling … ${counted(graph.find().length, "entity")}`);
  }
  if (phase === "live" && pendingEdits > 0) terminal.progress(`sending … ${counted(pendingEdits, "edit")} left`);
  if (phase === "live" && upToDateSeq < headSeq) terminal.progress("catching up …");
}

/** One device per profile: a replica that was used before keeps its own. */
function newDeviceId(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9-]/g, "-")
    .slice(0, 40);
  return `gibbon-${host}-${randomBytes(4).toString("hex")}`;
}
