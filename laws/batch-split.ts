/** Scores taken batch by batch are those of the whole data, whatever the criterion and the batch. */
import { interpret } from "../compiler/ir/interpret.js";
import { inBatches } from "./batches.js";
import { type Law, picked, Untold } from "./law.js";
import { modelOf, requireEqual } from "./model.js";
import { scoreGraph, scoreInputs } from "./scores.js";

export const batchSplit: Law = {
  name: "batch-split",
  says: "scores taken in batches are those of the whole data",
  silent: ({ criteria }) => (criteria.length === 0 ? "nothing is scored" : null),
  holds: (trial) => {
    const criteria = picked(trial.criteria, trial.pick);
    if (criteria === null) throw new Untold("nothing is scored");
    const data = { ...trial, windows: trial.windows + 2 };
    const model = modelOf(trial.shape, trial.seed);
    const { graph } = scoreGraph(model, data, criteria);
    const inputs = scoreInputs(model, data);
    const whole = interpret(graph, inputs);
    const parts = inBatches(graph, inputs, data.windows, trial.batch);
    for (const [name, dense] of Object.entries(whole)) {
      const part = parts[name];
      const [axis = ""] = name.split("@");
      const where = `scores of ${axis} in batches of ${trial.batch} and at once`;
      requireEqual(part ?? { axes: [], data: new Float64Array(0) }, dense, where, 1e-11);
    }
  },
};
