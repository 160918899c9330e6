import { invalid } from "@funkygibbon/kernel/errors";
import type { SourceFile } from "./import-format.ts";

/** The file of a format that takes one. @throws DomainError `invalid` when there are none or several. */
export function theOneFile(format: string, files: readonly SourceFile[]): SourceFile {
  const [file, second] = files;
  if (file === undefined) throw invalid([{ field: "files", description: `${format} needs a file` }], "MISSING_FILE");
  if (second === undefined) return file;
  const description = `${format} takes one file, not also ${second.name}`;
  throw invalid([{ field: "files", description }], "TOO_MANY_FILES");
}
