/** A half-open range of character offsets in one source text: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Line and column, both from 1; columns count UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface LineTable {
  readonly position: (offset: number) => Position;
  /** The text of a line (from 1), without its line end. */
  readonly line: (line: number) => string;
}

/** Offsets to lines, by binary search over the starts of lines. */
export const lineTable = (text: string): LineTable => {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineOf = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    position: (offset) => {
      const line = lineOf(Math.min(offset, text.length));
      return { line: line + 1, column: Math.min(offset, text.length) - (starts[line] ?? 0) + 1 };
    },
    line: (line) =>
      text
        .slice(starts[line - 1] ?? text.length, starts[line] ?? text.length)
        .replace(/\r?\n$/, ""),
  };
};

export const spanOver = (first: Span, last: Span): Span => ({ start: first.start, end: last.end });
