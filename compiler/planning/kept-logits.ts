/** What is kept of a teacher on disk, and the program that makes it: the teacher's forward pass over a batch of windows. */
import type { Arithmetic } from "../../kernels/operand.js";
import { Builder } from "../ir/build.js";
import { printGraph } from "../ir/print.js";
import { type Graph, type Node, sizeOf } from "../ir/tensor.js";
import { wideAxes } from "../library/forward.js";
import type { ModelShape } from "../library/library.js";
import {
  KEPT_PLACES,
  KEPT_VALUES,
  keptNumber,
  keptOutputs,
  type Teaching,
} from "../passes/kept-logits.js";
import { simplify } from "../passes/simplify.js";
import type { DataSource, KeptLogits, ModelLayout } from "../plan.js";
import { textHash } from "../schedule/identity.js";
import type { InputPlace } from "../schedule/target.js";
import { DoesNotFit, inLargestBatch } from "./fit.js";
import { addPhased } from "./phased.js";
import { feedPlaces, placement, weightPlaces } from "./placement.js";
import { addPrograms, createPrograms, heldBytes, type Programs } from "./programs.js";
import { batchWindows, windowAxes } from "./sweep.js";

/** Where a program finds what is kept: fed to it, window by window. */
export const keptPlaces = (numbers: number): readonly [string, InputPlace][] => {
  const fed = (name: string, dtype: "f32" | "u32"): [string, InputPlace] => [
    name,
    { kind: "feed", source: { kind: "kept", dtype } },
  ];
  return [
    fed(KEPT_VALUES, "f32"),
    fed(KEPT_PLACES, "u32"),
    ...Array.from({ length: numbers }, (_, at) => fed(keptNumber(at), "f32")),
  ];
};

/** What a stage keeps of its teacher's pass over so many windows. */
export type KeptOver = (builder: Builder, windows: number) => Keeping;

export interface Keeping {
  readonly teaching: Teaching;
  readonly numbers: readonly Node[];
}

export interface KeptParts {
  readonly stage: string;
  readonly teacher: { readonly shape: ModelShape; readonly layout: ModelLayout };
  readonly data: DataSource;
  /** Windows that the training sees, at most. */
  readonly total: number;
  /** Of products with the teacher's weights. */
  readonly arithmetic: Arithmetic;
  readonly over: KeptOver;
}

const graphOver = (over: KeptOver, windows: number) => {
  const builder = new Builder();
  const { teaching, numbers } = over(builder, windows);
  const outputs = keptOutputs(builder, teaching, numbers);
  const graph: Graph = simplify(builder, { outputs });
  return { graph, teaching, numbers };
};

/** Plans the pass, with smaller batches where memory is short. Throws DoesNotFit. */
export const planKept = (into: Programs, parts: KeptParts): KeptLogits => {
  const { stage, teacher, data, total, arithmetic, over } = parts;
  const { memory } = into.target;
  // Not by the number of windows: other stages, that see others, share what is kept.
  const most = batchWindows(Number.POSITIVE_INFINITY, data);
  const planned = inLargestBatch(most, memory, (windows) => {
    const { graph, teaching, numbers } = graphOver(over, windows);
    const own = createPrograms(into.target);
    // The same for all stages that keep the same.
    const name = `${teacher.layout.name}.kept.${textHash(`${arithmetic} ${printGraph(graph)}`)}`;
    const places = placement(
      [...weightPlaces(teacher.layout, arithmetic), ...feedPlaces],
      Object.keys(graph.outputs).map((output) => [output, { kind: "output" }]),
    );
    addPhased(own, name, graph, places, {
      tokens: windowAxes(windows, data),
      wide: wideAxes([teacher.shape]),
      backward: null,
    });
    const held = heldBytes(own, own.programs.keys());
    return { graph, teaching, numbers, own, program: name, windows, held };
  });
  const { graph, teaching, numbers, own, program, windows, held } = planned;
  if (memory !== null && held > memory) throw new DoesNotFit(stage, held, memory);
  addPrograms(into, own);
  const vocabulary = sizeOf(teaching.logits.axes) / sizeOf(teaching.tokens);
  const placeBytes = vocabulary <= 2 ** 16 ? 2 : 4;
  const count = graph.outputs[KEPT_VALUES]?.axes.at(-1)?.size ?? 0;
  return {
    count,
    placeBytes,
    tokenBytes: count * (4 + placeBytes) + 4 * numbers.length,
    values: KEPT_VALUES,
    places: KEPT_PLACES,
    numbers: numbers.map((_, at) => keptNumber(at)),
    program,
    windows,
    total,
  };
};
