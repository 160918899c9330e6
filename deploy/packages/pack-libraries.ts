import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
/** What is packed, each after those that it depends on. */
const LIBRARIES = ["gen", "kernel", "wire", "client", "importers", "cli"] as const;
/** The oldest Node that has all that the client uses of `node:sqlite`. */
const ENGINES = { node: ">=22.16" };

/** The part of a library's package.json that goes into its package. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description?: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Compiles the libraries and packs each as a tarball in `folder`, which is made. @returns the tarballs, in the order of installation. */
export async function packLibraries(folder: string): Promise<readonly string[]> {
  const work = mkdtempSync(join(tmpdir(), "funkygibbon-pack-"));
  try {
    await compile(work);
    mkdirSync(folder, { recursive: true });
    const tarballs: string[] = [];
    for (const library of LIBRARIES) tarballs.push(await packLibrary(library, join(work, library), folder));
    return tarballs;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** JavaScript and declarations of all libraries, in one go. */
async function compile(outDir: string): Promise<void> {
  const sources = LIBRARIES.map((library) => join(ROOT, "libs", library, "src"));
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      declaration: true,
      rootDir: join(ROOT, "libs"),
      outDir,
      typeRoots: [join(ROOT, "node_modules/@types")],
    },
    include: sources,
    exclude: sources.flatMap((source) => [`${source}/**/*.test.ts`, `${source}/**/testing`]),
  };
  // Beside the sources, so that what they import is found.
  const file = join(ROOT, "libs", `.pack-${process.pid}.tsconfig.json`);
  writeFileSync(file, JSON.stringify(config));
  try {
    await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", file], { cwd: ROOT });
  } catch (error) {
    const said = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
    throw new Error(`the libraries do not compile:\n${said}`, { cause: error });
  } finally {
    rmSync(file);
  }
}

async function packLibrary(library: string, compiled: string, folder: string): Promise<string> {
  const source = join(ROOT, "libs", library);
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest;
  writeFileSync(join(compiled, "package.json"), JSON.stringify(publicManifest(manifest), null, 2));
  cpSync(join(ROOT, "LICENSE"), join(compiled, "LICENSE"));
  if (existsSync(join(source, "README.md"))) cpSync(join(source, "README.md"), join(compiled, "README.md"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: compiled });
  const [packed] = JSON.parse(stdout) as [{ readonly filename: string }];
  return join(folder, packed.filename);
}

/** As the library's own, but its exports and programs lead to what was compiled. */
function publicManifest({ name, version, license, description, exports, bin = {}, dependencies }: Manifest) {
  const codeOf = (file: string) => file.replace(/\.ts$/, ".js");
  const compiled = Object.entries(exports).map(([key, file]) => {
    return [key, { types: file.replace(/\.ts$/, ".d.ts"), default: codeOf(file) }];
  });
  return {
    name,
    version,
    license,
    description,
    type: "module",
    engines: ENGINES,
    exports: Object.fromEntries(compiled),
    bin: Object.fromEntries(Object.entries(bin).map(([command, file]) => [command, codeOf(file)])),
    files: ["src"],
    sideEffects: false,
    dependencies,
  };
}
