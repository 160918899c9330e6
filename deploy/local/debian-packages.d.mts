/** The full path of the first of these commands that is installed; undefined when none is. */
export function findOnPath(commands: readonly string[]): string | undefined;

/** Whether this is Debian (or a child of it) and we are root. */
export function mayInstallPackages(): boolean;

/** Installs packages by apt without starting their services. Never fails: whether it worked shows on PATH. */
export function installDebianPackages(names: readonly string[]): Promise<void>;

/** Runs a program that says nothing; false when it fails, is not there, or takes longer than two minutes. */
export function succeeds(command: string, args: readonly string[]): Promise<boolean>;
