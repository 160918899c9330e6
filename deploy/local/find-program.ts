import { findOnPath, installDebianPackages, mayInstallPackages, succeeds } from "./debian-packages.mjs";
import { SetupError } from "./setup-error.ts";

/** Says what is going on to the person who waits. */
export type Say = (sentence: string) => void;

/** A server program that the machine may or may not have. */
export interface WantedProgram {
  /** As a person calls it: `Redis`. */
  readonly title: string;
  /** The names under which the program may be installed, the best first. */
  readonly commands: readonly string[];
  readonly debianPackage: string;
  readonly dockerImage: string;
  /** The variable that points to a server elsewhere: `REDIS_URL`. */
  readonly urlVariable: string;
}

/** Where the program was found: on the machine, or as an image for a Docker engine that answers. */
export type FoundProgram =
  | { readonly kind: "binary"; readonly path: string }
  | { readonly kind: "docker"; readonly image: string };

/**
 * Finds the program: on PATH; else, as root on Debian, by installing its package (which the bootstrap normally has done
 * while npm was at work); else as an image when Docker answers.
 * @throws SetupError that says what to do when none of that works.
 */
export async function findProgram(wanted: WantedProgram, say: Say): Promise<FoundProgram> {
  const installed = findOnPath(wanted.commands);
  if (installed !== undefined) return { kind: "binary", path: installed };
  if (mayInstallPackages()) {
    say(`installing ${wanted.debianPackage} with apt`);
    await installDebianPackages([wanted.debianPackage]);
    const path = findOnPath(wanted.commands);
    if (path !== undefined) return { kind: "binary", path };
  }
  if (await succeeds("docker", ["info"])) return { kind: "docker", image: wanted.dockerImage };
  const tried = mayInstallPackages() ? " and apt could not install it" : "";
  throw new SetupError(
    `${wanted.title} is missing${tried}: install it so that ${wanted.commands[0]} is on PATH, or start Docker, or set ${wanted.urlVariable} to a running server.`,
  );
}
