/**
 * The distillation stage: a program for the gradient of the loss over a micro-batch, and one that clips by the global norm
 * and applies AdamW. Micro-batches get smaller, and then the backward pass computes more again, until it all fits the memory
 * that the target allows.
 */
import type { DataSource, DistillStage, ModelLayout } from "../plan.js";
import type { DistillStep, Recipe } from "../recipe/recipe.js";
import { DoesNotFit } from "./fit.js";
import { planKept } from "./kept-logits.js";
import { addPrograms, createPrograms, heldBytes, type Programs } from "./programs.js";
import {
  addTraining,
  keepingOver,
  type Learner,
  type Lesson,
  type Recompute,
  takesParts,
} from "./training.js";
import { planUpdate } from "./update.js";

/** Tokens per micro-batch: bounds the activations that live at once. */
const MICRO_TOKENS = 2048;

/** Divisors of `windows` whose tokens fit one micro-batch, the largest first; at least 1. */
export const microWindows = (windows: number, data: DataSource): readonly number[] =>
  Array.from({ length: windows }, (_, at) => windows - at).filter(
    (size) => windows % size === 0 && (size === 1 || size * data.window <= MICRO_TOKENS),
  );

/** One way of doing it. */
interface Attempt {
  readonly micro: number;
  readonly recompute: Recompute;
}

interface Tried {
  readonly into: Programs;
  readonly stage: DistillStage;
}

const attempt = (
  target: Programs["target"],
  lesson: Lesson,
  { micro, recompute }: Attempt,
): Tried => {
  const { step } = lesson;
  const into = createPrograms(target);
  const gradient = `${step.name}.gradient`;
  const { activationBytes, maps, arenaBytes } = addTraining(
    into,
    gradient,
    lesson,
    micro,
    recompute,
  );
  const update = planUpdate(into, step, lesson.student.layout, arenaBytes, micro / step.windows);
  const stage: DistillStage = {
    kind: "distill",
    name: step.name,
    student: step.student,
    teacher: step.teacher,
    arithmetic: step.arithmetic,
    data: step.data,
    steps: step.steps,
    windows: step.windows,
    micro,
    recompute,
    activationBytes,
    arenaBytes,
    maps,
    gradient,
    update,
    beta: step.optimizer.beta,
    rate: step.rate,
    checkpointEvery: step.checkpointEvery,
    kept: null,
    candidate: step.candidate,
  };
  return { into, stage };
};

const fitting = (target: Programs["target"], lesson: Lesson): Tried => {
  const { memory } = target;
  const { windows } = lesson.step;
  const parts = microWindows(windows, lesson.data);
  const asked = memory !== null || parts[0] !== windows;
  const micros = asked && !takesParts(lesson) ? [windows] : parts;
  let least = Number.POSITIVE_INFINITY;
  for (const recompute of ["cheap", "layers"] as const)
    for (const micro of micros) {
      const tried = attempt(target, lesson, { micro, recompute });
      const needed = heldBytes(tried.into, tried.into.programs.keys());
      if (memory === null || needed <= memory) return tried;
      least = Math.min(least, needed);
    }
  throw new DoesNotFit(lesson.step.name, least, memory ?? 0);
};

/** Plans a `distill` step on data of so many windows, where that is known. Throws DoesNotFit. */
export const planDistill = (
  into: Programs,
  recipe: Recipe,
  step: DistillStep,
  layouts: ReadonlyMap<string, ModelLayout>,
  data: DataSource,
  windows: number | null,
): DistillStage => {
  const find = (shapeOf: string, name: string): Learner => {
    const shape = recipe.models.get(shapeOf)?.shape;
    const layout = layouts.get(name);
    if (shape === undefined || layout === undefined)
      throw new Error(`the check let an unknown model through: ${name}`);
    return { shape, layout };
  };
  const student = find(step.student, step.name);
  const teacher = step.teacher === null ? null : find(step.teacher, step.teacher);
  const lesson = { recipe, step, student, teacher, data };
  const tried = fitting(into.target, lesson);
  addPrograms(into, tried.into);
  if (step.cacheLogits === null || teacher === null) return tried.stage;
  const total = Math.min(step.steps * step.windows, data.take ?? windows ?? Infinity);
  const over = keepingOver(lesson);
  const { name: stage, arithmetic } = step;
  return {
    ...tried.stage,
    kept: planKept(into, { stage, teacher, data, total, arithmetic, over }),
  };
};
