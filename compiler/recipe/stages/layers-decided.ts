/** What is known of layers' own entries in lists before the run has decided which of them stay. */

import { listsInConfig, sameWithoutRun } from "../../library/layer-list.js";
import type { ModelShape } from "../../library/library.js";
import { scoresRuns } from "../../library/runs.js";
import type { Cut } from "../../plan.js";
import type { ScoreStep } from "../recipe.js";

/** The pruned shape, where layers go as one run without those lists of which every run leaves the same: then they are decided. */
const decidedByRuns = (before: ModelShape, after: ModelShape, scores: ScoreStep): ModelShape => {
  const { layerAxis } = before;
  const entry = scores.entries.find(({ axis }) => axis === layerAxis);
  if (entry === undefined || !scoresRuns(entry.criterion)) return after;
  const layers = after.axes.find(({ name }) => name === layerAxis)?.size ?? 0;
  const open = [...after.undecided].filter(
    (key) => before.undecided.has(key) || !sameWithoutRun(before.layerLists.get(key) ?? [], layers),
  );
  return { ...after, undecided: new Set(open) };
};

/** The pruned shape, where the spec names the layers that stay: each has its own entries. */
const decidedByName = (
  before: ModelShape,
  after: ModelShape,
  units: readonly number[],
): ModelShape => {
  const layerLists = new Map(
    [...before.layerLists].map(([key, entries]) => [
      key,
      units.flatMap((unit) => entries[unit] ?? []),
    ]),
  );
  const config = { ...after.config, ...listsInConfig(layerLists) };
  return { ...after, config, layerLists, undecided: before.undecided };
};

/** The pruned shape with what is known of its layers; `scores` are those that all layers go by at once, null where none are. */
export const decidedBefore = (
  before: ModelShape,
  after: ModelShape,
  cuts: readonly Cut[],
  scores: ScoreStep | null,
): ModelShape => {
  const units = cuts.find(({ axis }) => axis === before.layerAxis)?.units;
  if (units !== undefined) return decidedByName(before, after, units);
  return scores === null ? after : decidedByRuns(before, after, scores);
};
