/** Law: scores and metrics worked out layer by layer, each with its own weights only, are those of the whole pass. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Dense, Graph } from "../../compiler/ir/tensor.js";
import { sizeOf } from "../../compiler/ir/tensor.js";
import { verify } from "../../compiler/ir/verify.js";
import type { WeightEntry } from "../../compiler/plan.js";
import { must } from "../../compiler/planning/outcome.js";
import type { Between, Part } from "../../compiler/planning/segments.js";
import { slice } from "../../laws/batches.js";
import { at, distance, fill } from "../../laws/dense.js";
import type { Criteria } from "../../laws/law.js";
import type { Model } from "../../laws/model.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { always, law } from "./law.js";
import type { Product } from "./mutant.js";
import { criterionOf, drawnModel } from "./subjects.js";

interface Case {
  readonly model: ModelCase;
  readonly batch: number;
  /** Of the axes that are not layers. */
  readonly criteria: readonly string[];
}

/** Of activations, of weights alone, and of gradients, which come back through all layers. */
const CRITERIA = [
  "activation(batch: l2, position: mean)",
  "magnitude",
  "taylor",
  "taylor_activation",
];

const cases: fc.Arbitrary<Case> = fc.record({
  model: modelCase,
  batch: fc.integer({ min: 1, max: 3 }),
  criteria: fc.array(fc.constantFrom(...CRITERIA), { minLength: 4, maxLength: 4 }),
});

/** Whether the axis can be scored so at all: a tap need not be what the pass goes on with. */
const fits = (product: Product, model: Model, data: ModelCase, criteria: Criteria): boolean => {
  try {
    product.scoreGraph(model, data, criteria);
    return true;
  } catch {
    return false;
  }
};

const criteriaOf = (product: Product, model: Model, drawn: Case): Criteria => {
  const { shape } = model;
  const { layerCriterion } = architectureOf(drawn.model);
  return new Map(
    [...shape.along.keys()].map((axis, i) => {
      const of = (text: string) => criterionOf(product, shape.library, text);
      if (axis === shape.layerAxis) return [axis, of(layerCriterion)];
      const wanted = of(drawn.criteria[i] ?? "magnitude");
      const fitting = fits(product, model, drawn.model, new Map([[axis, wanted]]));
      return [axis, fitting ? wanted : of("taylor")];
    }),
  );
};

/** Scores by every criterion and the mean loss, as one graph over all windows. */
const graphOf = (product: Product, model: Model, drawn: Case, cut: boolean) => {
  const criteria = criteriaOf(product, model, drawn);
  const { builder, forward, graph } = product.scoreGraph(model, drawn.model, criteria, cut);
  const { library } = model.shape;
  const metric = library.definitions.metric.get("loss");
  if (metric === undefined) throw new Error("no loss");
  const labels = builder.input("labels", product.feedsOf(model.shape, drawn.model).axes, "u32");
  const scope = { model: forward.values, labels };
  const loss = must(product.elaborateMetric(metric, library, builder, scope));
  const outputs: Graph["outputs"] = { ...graph.outputs, loss };
  const returned = forward.cut === null ? [] : product.returnedBy(builder, forward.cut);
  return { builder, carried: forward.carried, returned, graph: { outputs } };
};

type Inputs = ReadonlyMap<string, Dense>;

interface Run {
  readonly product: Product;
  readonly model: Model;
  /** Weights, tokens and labels of all windows. */
  readonly inputs: Inputs;
}

const weightOf = ({ product, model, inputs }: Run, { weight, layer }: WeightEntry): Dense => {
  const found = inputs.get(product.weightInput(model.layout.name, weight, layer));
  if (found === undefined) throw new Error(`no weight ${weight}`);
  return found;
};

/** A segment may look at one layer's weights, so that no two need be there at once. */
const oneLayer = ({ weights, rows }: Part): void => {
  const entries = [...weights.values(), ...rows.values()];
  const layers = new Set(entries.flatMap(({ layer }) => (layer === null ? [] : [layer])));
  expect(layers.size).toBeLessThanOrEqual(1);
};

/** A part's outputs from its weights and what else it is given. */
const computed = (run: Run, part: Part, given: Inputs): Readonly<Record<string, Dense>> => {
  oneLayer(part);
  expect(verify(part.graph, "differentiated")).toEqual([]);
  const inputs = new Map(given);
  for (const [name, entry] of part.weights) inputs.set(name, weightOf(run, entry));
  for (const [name, entry] of part.rows) {
    const table = weightOf(run, entry);
    const tokens = given.get("tokens");
    if (tokens === undefined) throw new Error("no tokens");
    const [rows, ...rest] = table.axes;
    inputs.set(
      name,
      fill([...tokens.axes, ...rest], (p) =>
        at(table, { ...p, [rows?.name ?? ""]: at(tokens, p) }),
      ),
    );
  }
  return run.product.interpret(part.graph, inputs);
};

const zeros = ({ axes }: { readonly axes: Dense["axes"] }): Dense => ({
  axes,
  data: new Float64Array(sizeOf(axes)),
});

/** Values between segments, by batch, and by name and cut. */
type Store = Map<number, Map<string, Dense>>;

const keyOf = ({ name, cut }: Between): string => `${name} ${cut}`;

/** One batch through one segment: adds to the sums, takes what the segment before gave and leaves its own. */
const throughSegment = (run: Run, part: Part, given: Inputs, store: Store, batch: number) => {
  const inputs = new Map(given);
  for (const [input, value] of part.takes) {
    const kept = store.get(batch)?.get(keyOf(value));
    if (kept !== undefined) inputs.set(input, kept);
  }
  const outputs = computed(run, part, inputs);
  const kept = [...part.gives].flatMap(([output, value]) => {
    const dense = outputs[output];
    return dense === undefined ? [] : [[keyOf(value), dense] as const];
  });
  store.set(batch, new Map([...(store.get(batch) ?? []), ...kept]));
  return outputs;
};

/** What the device would do, in float64: segment after segment, batch after batch. */
const segmented = (run: Run, drawn: Case): Readonly<Record<string, Dense>> => {
  const { product, model, inputs } = run;
  const total = drawn.model.windows;
  const batch = Math.min(drawn.batch, total);
  const sweep = { layout: model.layout, total };
  const wholeOf = product.cutSweep(sweep, graphOf(product, model, drawn, true));
  const sizes = [batch, total % batch].filter((size) => size > 0);
  const bySize = new Map(sizes.map((size) => [size, product.segmentsOf(wholeOf(size))]));
  const data = new Map([...inputs].filter(([name]) => name === "tokens" || name === "labels"));
  const store: Store = new Map();
  const finished = new Map<string, Dense>();
  const first = bySize.get(batch);
  for (const [index, segment] of (first?.segments ?? []).entries()) {
    const sums = segment.sums.map(zeros);
    for (let from = 0; from < total; from += batch) {
      const count = Math.min(batch, total - from);
      const part = bySize.get(count)?.segments[index]?.batch ?? null;
      if (part === null) continue;
      const outputs = throughSegment(run, part, slice(data, from, count), store, from);
      for (const [at, sum] of sums.entries())
        outputs[`sum.${at}`]?.data.forEach((value, i) => {
          sum.data[i] = (sum.data[i] ?? 0) + value;
        });
    }
    const named = new Map([
      ...finished,
      ...sums.map((sum, i): [string, Dense] => [`sum.${i}`, sum]),
    ]);
    const results = segment.conclude === null ? {} : computed(run, segment.conclude, named);
    for (const [i, { name }] of segment.sums.entries())
      if (segment.lasting.has(name))
        finished.set(name, named.get(`sum.${i}`) ?? zeros({ axes: [] }));
    for (const [i, { name }] of segment.results.entries())
      finished.set(name, results[`result.${i}`] ?? zeros({ axes: [] }));
  }
  // No weights: the finish sees sums and conclusions only.
  return product.interpret(first?.finish ?? { outputs: {} }, finished);
};

const sameLayerByLayer = (product: Product, drawn: Case): void => {
  const model = drawnModel(product, drawn.model);
  const inputs = product.scoreInputs(model, drawn.model);
  const whole = product.interpret(graphOf(product, model, drawn, false).graph, inputs);
  const parts = segmented({ product, model, inputs }, drawn);
  expect(Object.keys(parts)).toEqual(Object.keys(whole));
  for (const [name, dense] of Object.entries(whole))
    expect(distance(parts[name] ?? zeros({ axes: [] }), dense), name).toBeLessThan(1e-11);
};

law("layer by layer is as the whole", always(cases, sameLayerByLayer), [
  {
    // What crosses from layer to layer is not cut.
    file: "compiler/library/forward.ts",
    find: "assign(pass, name, tensorValue(pass.env.builder.input(input, axes)));",
    replace: "void [input, axes];",
  },
  {
    // A value that is assigned later in a layer is thought not to come from the layer before.
    file: "compiler/library/live.ts",
    find: "for (const name of readBy(line)) if (!assigned.has(name)) live.add(name);",
    replace: "for (const name of readBy(line)) if (assigned.has(name)) live.add(name);",
  },
  {
    // Sums of the last segment that has any go to the first.
    file: "compiler/planning/segments.ts",
    find: "return Math.max(0, ...turns);",
    replace: "return 0;",
  },
  {
    // Weights of several layers meet in one conclusion.
    file: "compiler/planning/segments.ts",
    find: "if (segments.size === 1) return",
    replace: "if (segments.size > 0) return",
  },
  {
    // The last segment hands on once more, and nothing back.
    file: "compiler/planning/segments.ts",
    find: "(turn < last ? carried : returned)",
    replace: "(turn <= last ? carried : returned)",
  },
  {
    // Sums of a weight that is used before and after the layers are forgotten with their segment.
    file: "compiler/planning/segments.ts",
    find: "...parts.flatMap(({ conclude }) => [...(conclude?.sums ?? [])]),",
    replace: "",
  },
  {
    // What comes back from behind a cut is left out.
    file: "compiler/library/cut-gradient.ts",
    find: "for (const [value, node] of values) {",
    replace: "for (const [value, node] of [...values].slice(1)) {",
  },
]);
