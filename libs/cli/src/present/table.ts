import type { Paint } from "./look.ts";

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

/** Rows under titles, in columns as wide as their content; the widest is cut where the terminal ends. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { width, title }: TableOptions,
): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const widths = columns.map((column, index) =>
    Math.max(lengthOf(column.title), ...cells.map((row) => lengthOf(row[index] ?? ""))),
  );
  shrink(widths, width - GAP.length * (columns.length - 1));
  const line = (texts: readonly string[], paintOf: (index: number) => Paint | undefined) =>
    texts
      .map((text, index) => {
        const padded = fit(text, widths[index] ?? 0, columns[index]?.align === "right");
        return (paintOf(index) ?? unpainted)(index === texts.length - 1 ? padded.trimEnd() : padded);
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

function shrink(widths: number[], available: number): void {
  const sum = () => widths.reduce((total, one) => total + one, 0);
  while (sum() > available && Math.max(...widths) > 12) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function fit(text: string, width: number, right: boolean): string {
  const length = lengthOf(text);
  if (length > width) return `${[...text].slice(0, width - 1).join("")}…`;
  const padding = " ".repeat(width - length);
  return right ? padding + text : text + padding;
}

function lengthOf(text: string): number {
  return [...text].length;
}

function unpainted(text: string): string {
  return text;
}
