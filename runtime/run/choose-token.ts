/** The next token, chosen from its logits: the likeliest, or a draw from the likeliest few. */
import { keyOf, philox, streamOf } from "../data/random.js";
import { RunError } from "../errors.js";

export interface Sampling {
  /** What logits are divided by; at 0 the likeliest token is taken. */
  readonly temperature: number;
  /** Of so many likeliest tokens; null for all. */
  readonly topK: number | null;
  /** Of the likeliest tokens that together are at least so probable; null for all. */
  readonly topP: number | null;
  readonly seed: number;
}

/** The fourth counter word: what the numbers are for. */
const CHOICE = 1;

/** In [0, 1), a function of the seed and the token's place in the text. */
const drawAt = (seed: number, place: number): number => {
  const [first, second] = philox([place, 0, streamOf("generate"), CHOICE], keyOf(seed));
  return (first * 2 ** 21 + (second >>> 11)) / 2 ** 53;
};

/** Tokens from the likeliest on; equal ones by their number. */
const ranked = (logits: Float32Array, most: number): number[] => {
  const order = Array.from(logits.keys());
  order.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  return order.slice(0, most);
};

const likeliest = (logits: Float32Array): number => {
  let best = 0;
  for (let token = 1; token < logits.length; token++)
    if ((logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  return best;
};

/** Chooses token number `place` of a text: temperature, then the likeliest `topK`, then `topP` of what those hold. */
export const chooseToken = (
  logits: Float32Array,
  { temperature, topK, topP, seed }: Sampling,
  place: number,
): number => {
  if (logits.some((logit) => Number.isNaN(logit)))
    throw new RunError("the model's logits are not numbers");
  if (temperature === 0) return likeliest(logits);
  const tokens = ranked(logits, topK ?? logits.length);
  const highest = logits[tokens[0] ?? 0] ?? 0;
  const weights = tokens.map((token) => Math.exp(((logits[token] ?? 0) - highest) / temperature));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let count = 0;
  let held = 0;
  while (count < tokens.length && (count === 0 || held < (topP ?? 1) * all))
    held += weights[count++] ?? 0;
  let left = drawAt(seed, place) * held;
  for (let at = 0; at < count; at++) {
    left -= weights[at] ?? 0;
    if (left < 0) return tokens[at] ?? 0;
  }
  return tokens[count - 1] ?? 0;
};
