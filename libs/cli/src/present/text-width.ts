import columnsTaken from "fast-string-truncated-width";

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Most names: not looked at letter by letter. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/** How many columns a text without control characters takes in a terminal: two for a wide character or an emoji. */
export function widthOf(text: string): number {
  return PRINTABLE_ASCII.test(text) ? text.length : columnsTaken(text).width;
}

/** The text where it takes no more columns than these, else as much of it as there is room for before an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [kept, room] = ["", width - 1];
  for (const { segment } of GRAPHEMES.segment(text)) {
    room -= widthOf(segment);
    if (room < 0) break;
    kept += segment;
  }
  return width < 1 ? "" : `${kept}…`;
}

/** As {@link cutTo}, with blanks behind it, or before it, to take exactly these columns. */
export function fitTo(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = cutTo(text, width);
  const blanks = " ".repeat(Math.max(0, width - widthOf(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}
