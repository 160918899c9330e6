import type { Paint } from "./look.ts";
import { fitTo, widthOf } from "./text-width.ts";

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Applied after the cell has its width. */
  readonly paint?: Paint | undefined;
  readonly align?: "right";
}

/** How a table is drawn. */
export interface TableOptions {
  readonly width: number;
  readonly title: Paint;
}

const GAP = "  ";
/** No column is cut further: it is what the end of an id takes, which says nothing any more when it is cut. */
const NARROWEST = 9;
/** The first columns say what a row is about. */
const NEVER_LEFT_OUT = 2;

/**
 * Rows under titles, in columns as wide as their content. Where the terminal ends, the widest are cut; when that is not
 * enough, columns are left out from the right.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { width, title }: TableOptions,
): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const wanted = columns.map((column, index) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? "")), widthOf(column.title)),
  );
  const widths = fitting(wanted, width);
  const line = (texts: readonly string[], paintOf: (index: number) => Paint | undefined) =>
    widths
      .map((width, index) => {
        const padded = fitTo(texts[index] ?? "", width, columns[index]?.align);
        return (paintOf(index) ?? unpainted)(index === widths.length - 1 ? padded.trimEnd() : padded);
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      columns.map((column) => column.title),
      () => title,
    ),
    ...cells.map((row) => line(row, (index) => columns[index]?.paint)),
  ];
}

/** The widths of the columns that are shown. @param wanted what each would take. */
function fitting(wanted: readonly number[], width: number): readonly number[] {
  let shown = wanted.length;
  const taken = (widths: readonly number[]) => widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1));
  const narrowest = () => wanted.slice(0, shown).map((one) => Math.min(one, NARROWEST));
  while (shown > NEVER_LEFT_OUT && taken(narrowest()) > width) shown -= 1;
  const widths = wanted.slice(0, shown);
  while (taken(widths) > width && Math.max(...widths) > NARROWEST) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function unpainted(text: string): string {
  return text;
}
