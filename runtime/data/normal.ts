/** Normal numbers by counter: the Box-Muller transform of Philox words. */
import { keyOf, philox, streamOf } from "./random.js";

/** (0, 1], so that its logarithm is finite. */
const unit = (word: number): number => (word + 1) / 2 ** 32;

/** `count` independent normal numbers of mean 0, a function of seed and stream alone. */
export const normals = (
  seed: number,
  stream: string,
  count: number,
  deviation: number,
): Float32Array => {
  const key = keyOf(seed);
  const name = streamOf(stream);
  const values = new Float32Array(count);
  for (let at = 0; at < count; at += 2) {
    const [first, second] = philox([at / 2, 0, name, 0], key);
    const radius = deviation * Math.sqrt(-2 * Math.log(unit(first)));
    const angle = (2 * Math.PI * second) / 2 ** 32;
    values[at] = radius * Math.cos(angle);
    if (at + 1 < count) values[at + 1] = radius * Math.sin(angle);
  }
  return values;
};
