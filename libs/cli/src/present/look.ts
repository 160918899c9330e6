import { styleText } from "node:util";

/** How answers look: plain where a program reads, coloured where a person does. */
export interface Look {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  /** Columns of the terminal; infinite where nothing is to be cut. */
  readonly width: number;
  /** Milliseconds since 1970: times are told from here. */
  readonly nowMs: number;
}

/** Colours a text. */
export type Paint = (text: string) => string;

/** @param colourful whether the reader can show colours. */
export function lookOf(options: { readonly colourful: boolean; readonly width: number; readonly nowMs: number }): Look {
  const paint = (format: "bold" | "dim" | "red" | "green" | "yellow" | "cyan"): Paint => {
    if (!options.colourful) return (text) => text;
    return (text) => styleText(format, text, { validateStream: false });
  };
  const { width, nowMs } = options;
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    cyan: paint("cyan"),
    width,
    nowMs,
  };
}

/** A text of somebody else on one line, without what would steer the terminal; what joins emoji and letters steers nothing. */
export function plain(text: string): string {
  return text.replaceAll(/[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\u200C\u200D]]+/gv, (found) =>
    /^\s+$/.test(found) ? " " : "\uFFFD",
  );
}

/** `1 device`, `3 entities`. */
export function counted(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  return `${count.toLocaleString("en")} ${what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`}`;
}

/** The end of an id, which tells records of one moment apart; gibbon takes it wherever it takes an id. */
export function shortId(id: string): string {
  return id.slice(-8);
}
