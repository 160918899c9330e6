import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import type { SyncState } from "@funkygibbon/client/sync-state";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import type { Gibbon } from "./gibbon.ts";
import { counted } from "./present/look.ts";
import { makePrivateFolder } from "./private-file.ts";
import { claimsOf } from "./token-claims.ts";
import { readUndo, writeUndo } from "./undo-file.ts";
import { GIBBON_VERSION } from "./version.ts";

/** How fresh the replica is. */
export type Freshness =
  | { readonly kind: "live" }
  /** The server could not be reached, was not asked, or lets nobody in with this token; `error` says why. */
  | { readonly kind: "offline"; readonly error: DomainError };

/** The replica of a profile, open. */
export interface Home extends AsyncDisposable {
  readonly client: Client;
  /** The address of the sync-coordinator; undefined: there is no connection for now. */
  readonly server: string | undefined;
  readonly freshness: Freshness;
  /** Brings the replica and the server together, as far as they can. */
  sync(): Promise<Freshness>;
  /** Waits until the replica has what the server has just written, so that it is there offline, too. */
  catchUpWith(written: { readonly id: string; readonly version: string }): Promise<void>;
}

/** Where a client would connect to that is not asked to. */
const NOWHERE = "http://127.0.0.1:9";
/** How long a command waits for the server before it works with what it has. */
const PATIENCE_MS = 20_000;
/** How long nothing may move. A first pull of a large home takes longer than this, but it moves. */
const SILENCE_MS = 6_000;

/**
 * Opens the replica, and brings it up to date when the server answers.
 * @throws DomainError saying why the server does not answer when there is no replica yet, or without it nothing to do.
 */
export async function openHome(gibbon: Gibbon, { mustBeLive }: { readonly mustBeLive: boolean }): Promise<Home> {
  const connection = gibbon.connectionIfAny();
  const server = connection instanceof DomainError ? undefined : connection.urls.syncCoordinator;
  const file = gibbon.replicaFile;
  makePrivateFolder(file);
  const client = await openNodeClient({
    url: server ?? NOWHERE,
    token: () => gibbon.connection().token,
    file,
    deviceId: newDeviceId(),
    clientVersion: `gibbon/${GIBBON_VERSION}`,
  });
  let isSilent = false;
  const home = {
    client,
    server,
    sync: async (): Promise<Freshness> => {
      // Who has waited for it in vain once would wait in vain after each edit, too.
      if (isSilent && client.state.phase !== "live") return TOO_LATE;
      const before = client.conflicts.length;
      const freshness = await syncOnce(gibbon, client);
      isSilent = freshness === TOO_LATE;
      noteConflicts(gibbon, client.conflicts.length - before);
      return freshness;
    },
    catchUpWith: (written: { readonly id: string; readonly version: string }) => catchUpWith(gibbon, client, written),
    [Symbol.asyncDispose]: async () => {
      const { household } = client.state;
      if (household !== undefined && client.undoable !== earlier)
        writeUndo(gibbon.undoFile, household, client.undoable);
      await client[Symbol.asyncDispose]();
    },
  };
  let earlier = client.undoable;
  try {
    const freshness = await home.sync();
    if (client.state.household === undefined) {
      const { kind, message, reason } = freshness.kind === "offline" ? freshness.error : offline(NO_ANSWER).error;
      throw new DomainError(kind, `there is nothing of your home on this machine yet, and ${message}`, { reason });
    }
    if (freshness.kind === "offline" && mustBeLive) throw freshness.error;
    client.resumeUndo(readUndo(gibbon.undoFile, client.state.household));
    earlier = client.undoable;
    if (freshness.kind === "offline" && !gibbon.settings.offline) gibbon.note(`offline: ${freshness.error.message}`);
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

/** The server has the last word, and an edit that has lost to another one is not what its author believes. */
function noteConflicts(gibbon: Gibbon, met: number): void {
  if (met > 0) gibbon.note(`${counted(met, "edit")} met a contradicting one: gibbon conflicts list --state all`);
}

/** Who interrupts the sending has not taken back what was to be sent, and might think so. */
function noteUnsent(gibbon: Gibbon, { state }: Client): void {
  if (state.pendingEdits === 0) return;
  gibbon.note(`${counted(state.pendingEdits, "edit")} kept on this machine; gibbon sync sends what is left`);
}

async function syncOnce(gibbon: Gibbon, client: Client): Promise<Freshness> {
  if (gibbon.settings.offline) return offline("nobody was asked");
  const connection = gibbon.connectionIfAny();
  if (connection instanceof DomainError) return { kind: "offline", error: connection };
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
    return freshnessOf(gibbon, await client.until(isDecided, AbortSignal.any([gibbon.signal, patience.signal])));
  } catch (error) {
    if (gibbon.signal.aborted) noteUnsent(gibbon, client);
    if (gibbon.signal.aborted || !patience.signal.aborted) throw error;
    gibbon.losePatience(SILENCE_MS);
    return TOO_LATE;
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

/** @throws DomainError when somebody has to decide. */
function freshnessOf(gibbon: Gibbon, state: SyncState): Freshness {
  const { phase, stopReason, error } = state;
  if (phase === "live") return { kind: "live" };
  if (phase === "stopped") {
    throw new DomainError("failed-precondition", STOPPED[stopReason ?? "refused"](error?.message), {
      reason: error?.reason ?? "STOPPED",
    });
  }
  // Who retries for ever need not know why; who looks once does.
  const connection = gibbon.connectionIfAny();
  if (connection instanceof DomainError) return { kind: "offline", error: connection };
  const { expiresMs } = claimsOf(connection.token) ?? {};
  if (expiresMs !== undefined && expiresMs <= gibbon.nowMs) return noEntry("the token has expired", "TOKEN_EXPIRED");
  if (error !== undefined && NO_ENTRY.has(error.reason)) return noEntry(error.message, error.reason);
  return offline(error?.message ?? NO_ANSWER);
}

const NO_ENTRY: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "TOKEN_INVALID"]);

function noEntry(message: string, reason: string): Freshness {
  return {
    kind: "offline",
    error: new DomainError("unauthenticated", `${message}: gibbon login takes another`, { reason }),
  };
}

const NO_ANSWER = "the server does not answer";
const TOO_LATE: Freshness = {
  kind: "offline",
  error: new DomainError("deadline-exceeded", "the server takes too long to answer", { reason: "DEADLINE_EXCEEDED" }),
};

function offline(message: string): { readonly kind: "offline"; readonly error: DomainError } {
  return { kind: "offline", error: unavailable(message, { retryAfterMs: 0 }) };
}

const STOPPED = {
  superseded: () => "another gibbon uses this profile's device",
  forgotten: () => "an owner has forgotten this device: log in under another profile",
  "household-changed": () => "the token is for another home than this replica: log in under another profile",
  refused: (message: string | undefined) => `the server refuses this device: ${message ?? "it does not say why"}`,
} as const;

function showProgress({ terminal }: Gibbon, { state }: Client): void {
  const { phase, pendingEdits, headSeq, pulledSeq, upToDateSeq } = state;
  if (phase === "connecting") terminal.progress("connecting …");
  if (phase === "catching-up" || phase === "healing") terminal.progress(`pulling … ${pulledSeq} of ${headSeq}`);
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
