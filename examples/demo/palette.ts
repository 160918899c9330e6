/** Colours where a person looks at a terminal, plain text everywhere else. */
export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly magenta: (text: string) => string;
}

/** @param colourful whether the reader can show colours. */
export function paletteFor(colourful: boolean): Palette {
  const paint = (code: number) => (text: string) => (colourful ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
    green: paint(32),
    yellow: paint(33),
    magenta: paint(35),
    cyan: paint(36),
  };
}

/** Whether a stream can show colours and the user has nothing against them (https://no-color.org). */
export function wantsColour(stream: { isTTY?: boolean }, environment: Readonly<Record<string, string | undefined>>) {
  return stream.isTTY === true && (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
}
