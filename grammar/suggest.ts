/** "Did you mean": the nearest known name by edit distance, if it is near enough to be a slip. */
import { distance } from "fastest-levenshtein";

/** The candidate nearest to `name`, or null where none is within a third of its length (at least one edit). */
export const nearest = (name: string, candidates: Iterable<string>): string | null => {
  let best: string | null = null;
  let least = Math.max(1, Math.floor((name.length + 1) / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
};

/** Whether a candidate is at most so many edits away. */
export const distanceWithin = (name: string, candidates: Iterable<string>, most: number): boolean =>
  [...candidates].some((candidate) => distance(name, candidate) <= most);
