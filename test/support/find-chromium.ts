import { findOnPath, installDebianPackages, mayInstallPackages } from "../../deploy/local/debian-packages.mjs";
import type { Say } from "../../deploy/local/find-program.ts";
import { SetupError } from "../../deploy/local/setup-error.ts";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];

/**
 * Finds the browser: the program that CHROMIUM names; else on PATH; else, as root on Debian, by installing its package.
 * @throws SetupError that says what to do when none of that works.
 */
export async function findChromium(environment: NodeJS.ProcessEnv, say: Say): Promise<string> {
  const installed = environment.CHROMIUM ?? findOnPath(COMMANDS);
  if (installed !== undefined) return installed;
  if (mayInstallPackages()) {
    say("installing chromium with apt");
    await installDebianPackages(["chromium"]);
    const path = findOnPath(COMMANDS);
    if (path !== undefined) return path;
  }
  const tried = mayInstallPackages() ? " and apt could not install it" : "";
  throw new SetupError(
    `Chromium is missing${tried}: install it so that chromium is on PATH, or set CHROMIUM to its program.`,
  );
}
