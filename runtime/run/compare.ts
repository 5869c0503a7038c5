/** A model's logits beside those that another program gives for the same tokens. */
import type { ReferenceLogits } from "../formats/reference-logits.js";
import type { LogitsAfter } from "./continuing.js";

/** Where both are furthest apart. */
export interface Difference {
  readonly window: number;
  readonly position: number;
  readonly token: number;
  readonly ours: number;
  readonly theirs: number;
  /** Absolute; NaN where one of both is no number. */
  readonly by: number;
}

export interface Comparison {
  readonly largest: Difference;
  /** The largest difference at each position. */
  readonly byPosition: readonly number[];
  /** The largest of the other program's logits, in size. */
  readonly size: number;
}

/** NaN is more than any number. */
const isMore = (left: number, right: number): boolean =>
  !Number.isNaN(right) && (Number.isNaN(left) || left > right);

const furthest = (
  ours: Float32Array,
  theirs: Float32Array,
): Omit<Difference, "window" | "position"> => {
  let found = { token: 0, ours: 0, theirs: 0, by: -1 };
  for (const [token, other] of theirs.entries()) {
    const own = ours[token] ?? Number.NaN;
    const by = Math.abs(own - other);
    if (isMore(by, found.by)) found = { token, ours: own, theirs: other, by };
  }
  return found;
};

/** Takes every window token by token; `interrupted` is asked before each. Null where it was. */
export const compareLogits = async (
  { windows, positions, tokens, after }: ReferenceLogits,
  logitsAfter: LogitsAfter,
  interrupted: () => boolean,
): Promise<Comparison | null> => {
  let largest: Difference = { window: 0, position: 0, token: 0, ours: 0, theirs: 0, by: -1 };
  let size = 0;
  const byPosition = new Array<number>(positions).fill(0);
  for (let window = 0; window < windows; window++) {
    const text = tokens.slice(window * positions, (window + 1) * positions);
    for (let position = 0; position < positions; position++) {
      if (interrupted()) return null;
      const theirs = await after(window, position);
      const here = furthest(await logitsAfter(text.slice(0, position + 1)), theirs);
      if (isMore(here.by, largest.by)) largest = { window, position, ...here };
      if (isMore(here.by, byPosition[position] ?? 0)) byPosition[position] = here.by;
      size = theirs.reduce((most, logit) => Math.max(most, Math.abs(logit)), size);
    }
  }
  return { largest, byPosition, size };
};
