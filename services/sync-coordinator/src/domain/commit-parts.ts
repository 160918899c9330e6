/** One change as far as cutting a commit into parts goes. */
export interface SizedChange {
  readonly recordId: string;
  readonly size: number;
}

/** One resolution as far as cutting goes. */
export interface SizedResolution {
  readonly recordId: string;
  readonly size: number;
}

/** What goes into one message to the store: positions in what was to be committed. */
export interface CommitPart {
  readonly changes: readonly number[];
  readonly resolutions: readonly number[];
}

/**
 * Cuts what is to be committed so that each part stays below `maxSize`. A resolution brings the merge and, key by key, four
 * values for the conflict row, so what was one message when it came may be too large for one when it is resolved. All
 * edits of one record stay together and in order, because they share its fate; a record that is too large for a part by
 * itself is one.
 */
export function commitParts(
  changes: readonly SizedChange[],
  resolutions: readonly SizedResolution[],
  maxSize: number,
): readonly CommitPart[] {
  const ofRecord = new Map<string, { size: number; changes: number[]; resolutions: number[] }>();
  const add = (kind: "changes" | "resolutions", { recordId, size }: SizedChange, index: number) => {
    const record = recordId.toLowerCase();
    const group = ofRecord.get(record) ?? { size: 0, changes: [], resolutions: [] };
    group.size += size;
    group[kind].push(index);
    ofRecord.set(record, group);
  };
  for (const [index, change] of changes.entries()) add("changes", change, index);
  for (const [index, resolution] of resolutions.entries()) add("resolutions", resolution, index);

  const parts: { changes: number[]; resolutions: number[] }[] = [];
  let room = 0;
  for (const group of ofRecord.values()) {
    const part = group.size <= room ? parts.at(-1) : undefined;
    if (part === undefined) {
      parts.push({ changes: [...group.changes], resolutions: [...group.resolutions] });
      room = maxSize - group.size;
      continue;
    }
    part.changes.push(...group.changes);
    part.resolutions.push(...group.resolutions);
    room -= group.size;
  }
  const byPosition = (a: number, b: number) => a - b;
  for (const part of parts) part.changes.sort(byPosition);
  return parts;
}
