/** What the host writes before each execution of a program: given arrays, and buckets computed from them. */
import type { Feed } from "../compiler/plan.js";
import { DeviceError } from "./device-error.js";

export type FeedData = Readonly<Record<string, Uint32Array | Float32Array>>;

/**
 * Positions sorted stably by value, so that each value's positions can be summed by one owner in a fixed order:
 * u32 `starts[size + 1]`, then the positions. A value of `size` or more is an error.
 */
export const bucketsOf = (values: Uint32Array, size: number): Uint32Array => {
  const buckets = new Uint32Array(size + 1 + values.length);
  for (const value of values) {
    if (value >= size) throw new DeviceError(`an index is ${value}, where there are ${size}`);
    buckets[value + 1] = (buckets[value + 1] ?? 0) + 1;
  }
  for (let value = 0; value < size; value++)
    buckets[value + 1] = (buckets[value + 1] ?? 0) + (buckets[value] ?? 0);
  const next = buckets.slice(0, size);
  values.forEach((value, position) => {
    const at = next[value] ?? 0;
    buckets[size + 1 + at] = position;
    next[value] = at + 1;
  });
  return buckets;
};

const given = (program: string, name: string, data: FeedData): Uint32Array | Float32Array => {
  const found = data[name];
  if (found === undefined)
    throw new DeviceError(`program ${program} is not given its feed ${name}`);
  return found;
};

const arrayOf = (
  program: string,
  feed: Feed,
  feeds: readonly Feed[],
  data: FeedData,
): Uint32Array | Float32Array => {
  const { source } = feed;
  switch (source.kind) {
    case "tokens":
    case "labels":
    case "places":
    case "scalars":
    case "rows":
    case "kept":
      return given(program, data[feed.name] === undefined ? source.kind : feed.name, data);
    case "buckets": {
      const of = feeds.find(({ name }) => name === source.of);
      const values =
        of === undefined ? given(program, source.of, data) : arrayOf(program, of, feeds, data);
      if (!(values instanceof Uint32Array))
        throw new DeviceError(`feed ${source.of} of program ${program} is not made of indices`);
      return bucketsOf(values, source.size);
    }
    default:
      return source satisfies never;
  }
};

/** The array for each feed of a program, checked against the size of its binding. */
export const feedArrays = (
  program: string,
  feeds: readonly Feed[],
  data: FeedData,
): readonly (Uint32Array | Float32Array)[] =>
  feeds.map((feed) => {
    const array = arrayOf(program, feed, feeds, data);
    if (array.byteLength !== feed.binding.bytes)
      throw new DeviceError(
        `feed ${feed.name} of program ${program} takes ${feed.binding.bytes} bytes, not ${array.byteLength}`,
      );
    return array;
  });
