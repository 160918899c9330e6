import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The user that PostgreSQL runs as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where root keeps what another user must reach, when the wanted folder is closed to that user. */
const SHARED_FOLDER = "/var/lib/funkygibbon";

/**
 * PostgreSQL refuses to run as root, so root lends it the user `postgres`, or else `nobody`; undefined when we are not
 * root. A cluster that exists already decides by its owner.
 */
export function serverUser(existingCluster: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = ownerOf(existingCluster);
  if (owner !== undefined && owner.uid !== 0) return owner;
  return userNamed("postgres") ?? userNamed("nobody") ?? { uid: 65_534, gid: 65_534 };
}

/** Whether `user` may pass through every folder on the way to `path`, and through `path` itself where that is a folder. */
export function mayTraverse(path: string, user: ServerUser): boolean {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  if (parent !== absolute && !mayTraverse(parent, user)) return false;
  try {
    const { mode, uid, gid } = statSync(absolute);
    const executeBit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    return (mode & executeBit) !== 0;
  } catch {
    return true; // Not there yet: whoever makes it makes it passable.
  }
}

/** `path` itself when `user` can reach it; else a folder for it that this user can reach, always the same for one path. */
export function reachableFolder(path: string, user: ServerUser | undefined): string {
  if (user === undefined || mayTraverse(dirname(resolve(path)), user)) return path;
  return sharedFolderFor(resolve(path));
}

/** The folder below /var/lib/funkygibbon that stands for `key`. */
export function sharedFolderFor(key: string): string {
  return join(SHARED_FOLDER, createHash("sha256").update(key).digest("hex").slice(0, 16));
}

function ownerOf(path: string): ServerUser | undefined {
  try {
    const { uid, gid } = statSync(path);
    return { uid, gid };
  } catch {
    return undefined;
  }
}

function userNamed(name: string): ServerUser | undefined {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(":") ?? [];
    return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
}
