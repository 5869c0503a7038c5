/**
 * The distillation stage: one program for the gradient of the loss over a micro-batch (teacher and student in one pass
 * over the data), one that clips by the global norm and applies AdamW.
 */
import { Builder } from "../ir/build.js";
import type { Graph, Node } from "../ir/tensor.js";
import { forward } from "../library/forward.js";
import { type ModelShape, weightInput } from "../library/library.js";
import { elaborateLoss } from "../library/loss.js";
import { differentiate } from "../passes/differentiate.js";
import { simplify } from "../passes/simplify.js";
import type { DataSource, DistillStage, ModelLayout } from "../plan.js";
import type { DistillStep, Recipe } from "../recipe/recipe.js";
import type { OutputPlace } from "../schedule/target.js";
import { stateOf } from "./layout.js";
import { must } from "./outcome.js";
import { feedPlaces, placement, weightPlaces } from "./placement.js";
import { addGraph, type Programs } from "./programs.js";
import { feedInputs, windowAxes } from "./sweep.js";
import { planUpdate } from "./update.js";

/** Tokens per micro-batch: bounds the activations that live at once. */
const MICRO_TOKENS = 2048;

/** The largest divisor of `windows` whose tokens fit one micro-batch. */
export const microWindows = (windows: number, data: DataSource): number => {
  let micro = 1;
  for (let size = 1; size <= windows; size++)
    if (windows % size === 0 && size * data.window <= MICRO_TOKENS) micro = size;
  return micro;
};

interface Teacher {
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
}

/** Loss and gradients over one micro-batch, as outputs "loss" and one per weight. */
const lossGraph = (
  recipe: Recipe,
  step: DistillStep,
  student: Teacher,
  teacher: Teacher | null,
  micro: number,
  data: DataSource,
): { readonly graph: Graph; readonly gradients: readonly (readonly [string, number])[] } => {
  const builder = new Builder();
  const { tokens, labels } = feedInputs(builder, windowAxes(micro, data));
  const pass = (of: Teacher) =>
    must(forward(of.shape, builder, { model: of.layout.name, tokens })).values;
  const scope = {
    ...(teacher === null ? {} : { teacher: pass(teacher) }),
    student: pass(student),
    labels,
  };
  const loss = must(elaborateLoss(step.loss, recipe.library, builder, scope));
  const weights = student.layout.weights.map((entry) => ({
    entry,
    node: builder.input(
      weightInput(student.layout.name, entry.weight, entry.layer),
      entry.dims.flat().map(({ axis, size }) => ({ name: axis, size })),
    ),
  }));
  const adjoints = differentiate(
    builder,
    loss,
    weights.map((w) => w.node),
  );
  const outputs: Record<string, Node> = { loss };
  const gradients: [string, number][] = [];
  for (const { entry, node } of weights) {
    const adjoint = adjoints.get(node);
    if (adjoint === undefined) continue;
    const name = `d ${node.name}`;
    outputs[name] = adjoint;
    gradients.push([name, entry.offset]);
  }
  return { graph: simplify(builder, { outputs }), gradients };
};

/** Plans a `distill` step. */
export const planDistill = (
  into: Programs,
  recipe: Recipe,
  step: DistillStep,
  layouts: ReadonlyMap<string, ModelLayout>,
  data: DataSource,
): DistillStage => {
  const find = (shapeOf: string, name: string): Teacher => {
    const shape = recipe.models.get(shapeOf)?.shape;
    const layout = layouts.get(name);
    if (shape === undefined || layout === undefined)
      throw new Error(`the check let an unknown model through: ${name}`);
    return { shape, layout };
  };
  const student = find(step.student, step.name);
  const teacher = step.teacher === null ? null : find(step.teacher, step.teacher);
  const micro = microWindows(step.windows, data);
  const { graph, gradients } = lossGraph(recipe, step, student, teacher, micro, data);
  const gradientPlace = (offset: number): OutputPlace => ({
    kind: "state",
    state: stateOf.gradients(step.name),
    stateBytes: student.layout.bytes,
    offset,
    accumulate: micro < step.windows,
  });
  const gradient = addGraph(
    into,
    `${step.name}.gradient`,
    graph,
    placement(
      [
        ...weightPlaces(student.layout),
        ...(teacher === null ? [] : weightPlaces(teacher.layout)),
        ...feedPlaces,
      ],
      [
        ["loss", { kind: "output" }],
        ...gradients.map(([name, offset]) => [name, gradientPlace(offset)] as const),
      ],
    ),
  );
  const update = planUpdate(into, step, student.layout, micro / step.windows);
  return {
    kind: "distill",
    name: step.name,
    student: step.student,
    teacher: step.teacher,
    data: step.data,
    steps: step.steps,
    windows: step.windows,
    micro,
    gradient,
    update,
    beta: step.optimizer.beta,
    rate: step.rate,
    checkpointEvery: step.checkpointEvery,
  };
};
