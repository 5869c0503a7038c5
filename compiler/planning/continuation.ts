/** Programs that go on with a text: for each of some lengths, the logits at one position of it, and those of one token more. */
import { Builder } from "../ir/build.js";
import { type Node, sizeOf } from "../ir/tensor.js";
import type { Dtypes } from "../library/dtypes.js";
import { forward } from "../library/forward.js";
import type { ModelShape } from "../library/library.js";
import { type Incremental, incremental } from "../passes/incremental.js";
import { pick } from "../passes/pick.js";
import { simplify } from "../passes/simplify.js";
import type { Continuation, ContinuationLength, ContinuationStep, ModelLayout } from "../plan.js";
import type { InputPlace, OutputPlace, Target } from "../schedule/target.js";
import { align, layoutOf, stateOf } from "./layout.js";
import { must } from "./outcome.js";
import { placement, TOKENS, weightPlaces } from "./placement.js";
import { addGraph, createPrograms, type Programs } from "./programs.js";

const TOKEN = "token";
const PLACES = "places";
const LOGITS = "logits";

const feed = (name: string, kind: "tokens" | "places"): [string, InputPlace] => [
  name,
  { kind: "feed", source: { kind } },
];

/** Logits of one window at the position `places` [window] of tokens [window, position], and of one token there. */
const graphsOf = (shape: ModelShape, model: string, length: number) => {
  const builder = new Builder();
  const window = { name: "window", size: 1 };
  const position = { name: "position", size: length };
  const tokens = builder.input(TOKENS, [window, position], "u32");
  const { values } = must(forward(shape, builder, { model, tokens }));
  const logits = values.get(LOGITS);
  if (logits === undefined) throw new Error("the check let a forward pass without logits through");
  const simple = simplify(builder, { outputs: { [LOGITS]: logits } });
  const place = builder.input(PLACES, [window], "u32");
  const token = builder.input(TOKEN, [window], "u32");
  return {
    builder,
    picked: pick(builder, simple, position.name, place),
    further: incremental(builder, simple, { position, tokens, token, place }),
  };
};

const rowBytes = ({ axes }: Node): number => 4 * sizeOf(axes.slice(1));

/** Kept tensors one after the other, each where a binding may begin. */
const stepOf = (
  { kept }: Incremental,
  model: string,
  length: number,
  program: string,
): ContinuationStep => {
  let [past, row] = [0, 0];
  const places = [...kept.values()].map((node) => {
    const bytes = rowBytes(node);
    const place = { past, row, bytes };
    past += align(length * bytes);
    row += align(bytes);
    return place;
  });
  return {
    program,
    past: { state: stateOf.past(model, length), bytes: past },
    row: { state: stateOf.row(model), bytes: row },
    kept: places,
  };
};

type Where = "past" | "row";

const inState = (
  step: ContinuationStep,
  where: Where,
  at: number,
): { state: string; stateBytes: number; offset: number } => ({
  state: step[where].state,
  stateBytes: step[where].bytes,
  offset: step.kept[at]?.[where] ?? 0,
});

const keptOutputs = (
  { kept }: Incremental,
  step: ContinuationStep,
  where: Where,
): [string, OutputPlace][] =>
  [...kept.keys()].map((name, at) => [
    name,
    { kind: "state", ...inState(step, where, at), accumulate: false },
  ]);

const planLength = (
  into: Programs,
  shape: ModelShape,
  model: ModelLayout,
  length: number,
): ContinuationLength => {
  const { builder, picked, further } = graphsOf(shape, model.name, length);
  const names = { whole: `${model.name}.next${length}`, step: `${model.name}.step${length}` };
  const weights = weightPlaces(model);
  const logits: [string, OutputPlace] = [LOGITS, { kind: "output" }];
  const whole = [...weights, feed(TOKENS, "tokens"), feed(PLACES, "places")];
  if (further === null || further.kept.size === 0) {
    const program = addGraph(into, names.whole, picked, placement(whole, [logits]));
    return { length, program, step: null };
  }
  const step = stepOf(further, model.name, length, names.step);
  const filled = { outputs: { ...picked.outputs, ...Object.fromEntries(further.kept) } };
  const places = placement(whole, [logits, ...keptOutputs(further, step, "past")]);
  const program = addGraph(into, names.whole, filled, places);
  const pasts = [...further.kept.keys()].map((name, at): [string, InputPlace] => [
    name,
    { kind: "state", ...inState(step, "past", at) },
  ]);
  const inputs = [...weights, ...pasts, feed(TOKEN, "tokens"), feed(PLACES, "places")];
  addGraph(
    into,
    names.step,
    simplify(builder, further.step),
    placement(inputs, [logits, ...keptOutputs(further, step, "row")]),
  );
  return { length, program, step };
};

/** Plans the continuation of texts of up to each of these lengths, in ascending order. */
export const planContinuation = (
  name: string,
  shape: ModelShape,
  dtypes: Dtypes,
  lengths: readonly number[],
  target: Target,
): Continuation => {
  const into = createPrograms(target);
  const model = layoutOf(name, shape, 0, target.halves ? dtypes : new Map());
  return {
    model,
    lengths: lengths.map((length) => planLength(into, shape, model, length)),
    programs: Object.fromEntries(into.programs),
    kernels: Object.fromEntries(into.kernels),
  };
};
