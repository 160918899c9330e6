/** The oldest Node that has all that the replica uses of `node:sqlite`, as the package's `engines` say it. */
const OLDEST = { major: 22, minor: 16 };

/** What is to be said of a Node that gibbon does not run on; undefined: it does. @param version for example `20.20.2`. */
export function nodeFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined;
  return `gibbon: this is Node ${version}, and gibbon needs ${OLDEST.major}.${OLDEST.minor} or newer, best 24`;
}
