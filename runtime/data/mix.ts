/** Mixtures: windows of several corpora in fixed proportion, each corpus from its front, none twice. */
import type { MixSource } from "../../compiler/plan.js";
import { RunError } from "../errors.js";
import type { Corpus } from "./corpus.js";

interface Place {
  readonly part: number;
  readonly index: number;
}

/**
 * Which window of which part each window is: always of the part that is furthest behind its weight, the first of equals.
 * Ends before the window that its part has no more of, or at `most`.
 */
export const placesOf = (
  weights: readonly number[],
  counts: readonly number[],
  most: number | null,
): readonly Place[] => {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const used = weights.map(() => 0);
  const places: Place[] = [];
  while (places.length < (most ?? Number.POSITIVE_INFINITY)) {
    const behind = weights.map(
      (weight, part) => (weight / whole) * (places.length + 1) - (used[part] ?? 0),
    );
    const part = behind.indexOf(Math.max(...behind));
    const index = used[part] ?? 0;
    if (index >= (counts[part] ?? 0)) break;
    places.push({ part, index });
    used[part] = index + 1;
  }
  return places;
};

/** The mixture of opened corpora, by name. */
export const openMix = (source: MixSource, opened: ReadonlyMap<string, Corpus>): Corpus => {
  const parts = source.parts.map(({ data }) => {
    const corpus = opened.get(data);
    if (corpus === undefined)
      throw new RunError(`data ${source.name} mixes ${data}, which is not there`);
    return corpus;
  });
  const weights = source.parts.map(({ weight }) => weight);
  const counts = parts.map(({ windows }) => windows);
  const places = placesOf(weights, counts, source.take);
  if (places.length < (source.take ?? 1))
    throw new RunError(
      `data ${source.name} has ${places.length} windows at its weights, ${source.take ?? 1} asked for`,
      { hint: "take fewer windows, change the weights, or give its parts more text" },
    );
  return {
    name: source.name,
    window: source.window,
    windows: places.length,
    at: (index) => {
      const place = places[index];
      const corpus = place === undefined ? undefined : parts[place.part];
      if (place === undefined || corpus === undefined)
        throw new RangeError(`window ${index} of ${places.length}`);
      return corpus.at(place.index);
    },
    tokens: places.length * source.window,
    files: [],
    close: () => undefined,
  };
};
