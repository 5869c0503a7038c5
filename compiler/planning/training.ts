/**
 * One micro-batch of training as a program: teacher and student in one pass over the data, the loss, and its gradients
 * added into the student's arena.
 */
import { Builder } from "../ir/build.js";
import type { Graph, Input, Node } from "../ir/tensor.js";
import { reachable } from "../ir/traverse.js";
import { forward, wideAxes } from "../library/forward.js";
import { isMapInput, type ModelShape, ownerIn, weightInput } from "../library/library.js";
import { elaborateLoss, visible } from "../library/loss.js";
import { differentiate } from "../passes/differentiate.js";
import { lossFromKept } from "../passes/kept-logits.js";
import { isMeanOverWindows } from "../passes/mean-loss.js";
import { simplify } from "../passes/simplify.js";
import type { DataSource, LearnedMap, ModelLayout } from "../plan.js";
import type { DistillStep, Recipe } from "../recipe/recipe.js";
import type { InputPlace, OutputPlace } from "../schedule/target.js";
import { type Keeping, keptPlaces } from "./kept-logits.js";
import { align, stateOf } from "./layout.js";
import { must } from "./outcome.js";
import { addPhased } from "./phased.js";
import { feedPlaces, placement, weightPlaces } from "./placement.js";
import type { Programs } from "./programs.js";
import { feedInputs, windowAxes } from "./sweep.js";

export interface Learner {
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
}

export interface Lesson {
  readonly recipe: Recipe;
  readonly step: DistillStep;
  readonly student: Learner;
  readonly teacher: Learner | null;
  readonly data: DataSource;
}

/**
 * What the backward pass computes again: of each layer what is cheap, that is all but products, attention and sums; or
 * everything within a layer, from what goes into it ("Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174).
 */
export type Recompute = "cheap" | "layers";

interface LossGraph {
  /** Outputs "loss" and one for each weight that has a gradient. */
  readonly graph: Graph;
  readonly gradients: readonly (readonly [output: string, offset: number])[];
  readonly maps: readonly LearnedMap[];
  /** What the student's layers hand on. */
  readonly boundaries: ReadonlySet<Node>;
  /** Numbers of a token that are kept of the teacher. */
  readonly numbers: number;
}

/** The learned maps that a loss reads, behind the student's weights in its arena. */
const mapsOf = (loss: Node, { layout }: Learner): readonly (LearnedMap & { node: Input })[] => {
  let offset = align(layout.bytes);
  const inputs = reachable([loss]).filter((node) => node.op === "input" && isMapInput(node.name));
  return inputs.map((node) => {
    const [to, from] = node.axes;
    if (node.op !== "input" || to === undefined || from === undefined)
      throw new Error("a learned map is a matrix");
    const map = { name: node.name, to: to.size, from: from.size, offset, node };
    offset += align(to.size * from.size * 4);
    return map;
  });
};

const gradientsOf = (
  builder: Builder,
  loss: Node,
  { layout }: Learner,
  maps: ReturnType<typeof mapsOf>,
) => {
  const own = layout.weights.map((entry) => ({
    offset: entry.offset,
    node: builder.input(
      weightInput(layout.name, entry.weight, entry.layer),
      entry.dims.flat().map(({ axis, size }) => ({ name: axis, size })),
    ),
  }));
  const weights = [...own, ...maps.map(({ offset, node }) => ({ offset, node }))];
  const adjoints = differentiate(
    builder,
    loss,
    weights.map((weight) => weight.node),
  );
  return weights.flatMap(({ offset, node }) => {
    const adjoint = adjoints.get(node);
    return adjoint === undefined ? [] : [{ name: `d ${node.name}`, adjoint, offset }];
  });
};

interface LessonGraph {
  readonly loss: Node;
  /** What the student's layers hand on. */
  readonly edges: readonly Node[];
  /** What is kept of the teacher, and no longer in the loss; null where the teacher is. */
  readonly keeping: Keeping | null;
}

/** The teacher's part of the loss, and the loss without it. */
const withoutTeacher = (
  { step, data }: Lesson,
  builder: Builder,
  windows: number,
  teacher: { readonly name: string; readonly logits: Node | undefined },
  loss: Node,
): Pick<LessonGraph, "loss" | "keeping"> => {
  if (step.cacheLogits === null || teacher.logits === undefined) return { loss, keeping: null };
  const teaching = {
    logits: teacher.logits,
    tokens: windowAxes(windows, data),
    count: step.cacheLogits,
    ownerOf: ownerIn(teacher.name),
  };
  const found = lossFromKept(builder, loss, teaching);
  if ("lacks" in found) throw new Error("the check let a loss through that needs its teacher");
  return { loss: found.loss, keeping: { teaching, numbers: found.numbers } };
};

/** The loss over so many windows. */
const lossOver = (lesson: Lesson, builder: Builder, windows: number): LessonGraph => {
  const { recipe, step, student, teacher, data } = lesson;
  const { tokens, labels } = feedInputs(builder, windowAxes(windows, data));
  const passOf = (of: Learner) =>
    must(forward(of.shape, builder, { model: of.layout.name, tokens }));
  const taught = teacher === null ? null : passOf(teacher);
  const scope = { ...(taught === null ? {} : { teacher: visible(taught) }), labels };
  const pass = passOf(student);
  const whole = must(
    elaborateLoss(step.loss, recipe.library, builder, { ...scope, student: visible(pass) }),
  );
  const from = { name: teacher?.layout.name ?? "", logits: taught?.values.get("logits") };
  return {
    ...withoutTeacher(lesson, builder, windows, from, whole),
    edges: pass.carried.flatMap((values) => [...values.values()]),
  };
};

/** What the stage keeps of its teacher's pass over so many windows. */
export const keepingOver =
  (lesson: Lesson) =>
  (builder: Builder, windows: number): Keeping => {
    const { keeping } = lossOver(lesson, builder, windows);
    if (keeping === null) throw new Error("nothing is kept of a teacher that is there");
    return keeping;
  };

/** Whether a batch may be taken in parts: then the loss is the mean of theirs, and so are the gradients. */
export const takesParts = (lesson: Lesson): boolean =>
  isMeanOverWindows(
    (builder, windows) => lossOver(lesson, builder, windows).loss,
    windowAxes(1, lesson.data)[0].name,
  );

const lossGraph = (lesson: Lesson, windows: number): LossGraph => {
  const builder = new Builder();
  const { student } = lesson;
  const { loss, edges, keeping } = lossOver(lesson, builder, windows);
  const maps = mapsOf(loss, student);
  const gradients = gradientsOf(builder, loss, student, maps);
  const simple = simplify(builder, {
    outputs: {
      loss,
      ...Object.fromEntries(gradients.map(({ name, adjoint }) => [name, adjoint])),
      ...Object.fromEntries(edges.map((node, at) => [`edge ${at}`, node])),
    },
  });
  const outputs = Object.entries(simple.outputs);
  const isEdge = ([name]: readonly [string, Node]): boolean => name.startsWith("edge ");
  return {
    graph: { outputs: Object.fromEntries(outputs.filter((entry) => !isEdge(entry))) },
    gradients: gradients.map(({ name, offset }) => [name, offset]),
    maps: maps.map(({ name, to, from, offset }) => ({ name, to, from, offset })),
    boundaries: new Set(outputs.filter(isEdge).map(([, node]) => node)),
    numbers: keeping?.numbers.length ?? 0,
  };
};

/** Too dear to compute twice. Sums are: they are read whole, and their results are small. */
const isDear = (node: Node): boolean =>
  node.op === "contract" || node.op === "attention" || node.op === "reduce";

export interface Training {
  /** Bytes of the activations kept for the gradient. */
  readonly activationBytes: number;
  readonly maps: readonly LearnedMap[];
  /** The student's weights and the maps. */
  readonly arenaBytes: number;
}

/** Adds the program `name` for micro-batches of `windows`. */
export const addTraining = (
  into: Programs,
  name: string,
  lesson: Lesson,
  windows: number,
  recompute: Recompute,
): Training => {
  const { step, student, teacher, data } = lesson;
  const { graph, gradients, maps, boundaries, numbers } = lossGraph(lesson, windows);
  const arenaBytes = maps.reduce(
    (end, { offset, to, from }) => Math.max(end, offset + align(to * from * 4)),
    student.layout.bytes,
  );
  const end = graph.outputs.loss;
  if (end === undefined) throw new Error("the loss was lost");
  const gradientPlace = (offset: number): OutputPlace => ({
    kind: "state",
    state: stateOf.gradients(step.name),
    stateBytes: arenaBytes,
    offset,
    accumulate: windows < step.windows,
  });
  const learners = [student, ...(teacher === null ? [] : [teacher])];
  const taught = teacher === null ? [] : weightPlaces(teacher.layout, step.arithmetic);
  const places = placement(
    [
      ...weightPlaces(student.layout),
      ...taught,
      ...maps.map(({ name: map, offset }): [string, InputPlace] => [
        map,
        { kind: "state", state: stateOf.weights(step.name), stateBytes: arenaBytes, offset },
      ]),
      ...feedPlaces,
      ...(step.cacheLogits === null ? [] : keptPlaces(numbers)),
    ],
    [
      ["loss", { kind: "output" }],
      ...gradients.map(([output, offset]) => [output, gradientPlace(offset)] as const),
    ],
  );
  const activationBytes = addPhased(into, name, graph, places, {
    tokens: windowAxes(windows, data),
    wide: wideAxes(learners.map(({ shape }) => shape)),
    backward: { end, anchor: recompute === "cheap" ? isDear : (node) => boundaries.has(node) },
  });
  return { activationBytes, maps, arenaBytes };
};
