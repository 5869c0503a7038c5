/** Programs that go on with a text: for each of some lengths, the logits at one position of it. */
import { Builder } from "../ir/build.js";
import { forward } from "../library/forward.js";
import type { ModelShape } from "../library/library.js";
import { pick } from "../passes/pick.js";
import { simplify } from "../passes/simplify.js";
import type { Continuation } from "../plan.js";
import type { InputPlace, Target } from "../schedule/target.js";
import { layoutOf } from "./layout.js";
import { must } from "./outcome.js";
import { placement, TOKENS, weightPlaces } from "./placement.js";
import { addGraph, createPrograms } from "./programs.js";

const PLACES = "places";
const LOGITS = "logits";

const feeds: readonly [string, InputPlace][] = [
  [TOKENS, { kind: "feed", source: { kind: "tokens" } }],
  [PLACES, { kind: "feed", source: { kind: "places" } }],
];

/** Logits [window, vocab] at the position `places` [window] of tokens [window, position]; one window. */
const graphOf = (shape: ModelShape, model: string, length: number) => {
  const builder = new Builder();
  const window = { name: "window", size: 1 };
  const tokens = builder.input(TOKENS, [window, { name: "position", size: length }], "u32");
  const { values } = must(forward(shape, builder, { model, tokens }));
  const logits = values.get(LOGITS);
  if (logits === undefined) throw new Error("the check let a forward pass without logits through");
  const simple = simplify(builder, { outputs: { [LOGITS]: logits } });
  return pick(builder, simple, "position", builder.input(PLACES, [window], "u32"));
};

/** Plans the continuation of texts of up to each of these lengths, in ascending order. */
export const planContinuation = (
  name: string,
  shape: ModelShape,
  lengths: readonly number[],
  target: Target,
): Continuation => {
  const into = createPrograms(target);
  const model = layoutOf(name, shape, 0);
  const places = placement([...weightPlaces(model), ...feeds], [[LOGITS, { kind: "output" }]]);
  const planned = lengths.map((length) => ({
    length,
    program: addGraph(into, `${name}.next${length}`, graphOf(shape, name, length), places),
  }));
  return {
    model,
    lengths: planned,
    programs: Object.fromEntries(into.programs),
    kernels: Object.fromEntries(into.kernels),
  };
};
