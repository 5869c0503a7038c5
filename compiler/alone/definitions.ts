/** Definitions of a library tried on models of small made-up sizes. What fits one of these models is taken to be right. */
import type { Argument, CallExpr, DefinitionDecl, Expr, Name } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { report } from "../../grammar/messages/index.js";
import { elaborateAnswerCriterion, judgesAnswers } from "../library/answer-criterion.js";
import { elaborateChoiceMetric, judgesChoices } from "../library/choice-metric.js";
import { scoreOf } from "../library/criterion.js";
import type { Forward, Library, Located, ModelShape, Outcome } from "../library/library.js";
import { elaborateLoss, type Named, visible } from "../library/loss.js";
import { elaborateMetric } from "../library/metric.js";
import { elaborateFold, elaborateSchedule } from "../library/schedule.js";
import { obstacle } from "../passes/decompose.js";
import { forwardOf, type Symbolic, symbolic, TRIAL } from "../recipe/stages/symbolic.js";

type Definition = Located<DefinitionDecl>;

/** A model to try on: its passes as a student and as a teacher. */
export interface Stand {
  readonly shape: ModelShape;
  readonly symbols: Symbolic;
  readonly student: Forward;
  readonly teacher: Forward;
}

/** Null where the forward pass is broken, which has been said. */
export const standOf = (shape: ModelShape): Stand | null => {
  const symbols = symbolic(TRIAL);
  const [student, teacher] = ["model", "teacher"].map((role) => forwardOf(symbols, role, shape));
  return student?.ok && teacher?.ok
    ? { shape, symbols, student: student.value, teacher: teacher.value }
    : null;
};

/** Mistakes in lines, and that of the result. */
const gathered = (work: (found: Diagnostic[]) => Outcome<unknown>): readonly Diagnostic[] => {
  const found: Diagnostic[] = [];
  const made = work(found);
  return made.ok ? found : [...found, ...made.diagnostics];
};

/** Nothing where any attempt finds nothing, else what the first one finds. */
const leastWrong = (attempts: Iterable<() => readonly Diagnostic[]>): readonly Diagnostic[] => {
  let first: readonly Diagnostic[] | null = null;
  for (const attempt of attempts) {
    const found = attempt();
    if (found.length === 0) return [];
    first ??= found;
  }
  return first ?? [];
};

const ofData: ReadonlySet<string> = new Set(["window", "position"]);

const axesOf = (
  value: Named extends ReadonlyMap<string, infer V> ? V : never,
): readonly string[] => {
  const node = Array.isArray(value) ? value[0] : value;
  return node?.axes.map(({ name }: { readonly name: string }) => name) ?? [];
};

/** A value of the student's that a parameter with these axes may be given; undefined where it has none. */
const valueOver = ({ student }: Stand, dims: readonly string[]): string | undefined =>
  [...visible(student)].find(([, value]) => {
    const axes = axesOf(value);
    return axes.length === dims.length && dims.every((dim) => axes.includes(dim));
  })?.[0];

/** What a recipe might write for the parameters that it must give; null where nothing fits one. */
const argumentsFor = (stand: Stand | null, { decl }: Definition): readonly Argument[] | null => {
  const { span } = decl.name;
  const number: Expr = { kind: "number", value: 1, text: "1", span };
  const args: Argument[] = [];
  for (const { name, arrowTo, dims, fallback } of decl.parameters) {
    if (fallback !== null) continue;
    let value: Expr = arrowTo === null ? number : { kind: "arrow", from: number, to: number, span };
    if (dims !== null) {
      const axes = dims.flatMap((dim) => dim.axes.map((axis) => axis.name));
      const member = stand === null ? undefined : valueOver(stand, axes);
      if (member === undefined) return null;
      const target: Name = { kind: "name", name: "student", span };
      value = { kind: "member", target, member: { kind: "name", name: member, span }, span };
    }
    args.push({ name, value, span });
  }
  return args;
};

/** A call as a recipe might write it; null where nothing fits a parameter that it must give. */
export const callOf = (
  stand: Stand | null,
  definition: Definition,
  axes: readonly string[],
): Located<CallExpr> | null => {
  const { decl, file } = definition;
  const { span, name } = decl.name;
  const args = argumentsFor(stand, definition);
  if (args === null) return null;
  const named = axes.map((axis): Name => ({ kind: "name", name: axis, span }));
  const callee: Name = { kind: "name", name, span };
  return { file, decl: { kind: "call", callee, axes: named, args, span } };
};

/** Axes that a loss' brackets might hold: those of some state. */
export const bracketsFor = (stand: Stand, { decl }: Definition): readonly (readonly string[])[] => {
  if (decl.axes.length === 0) return [[]];
  const states = [...visible(stand.student).values()].map((value) =>
    axesOf(value).filter((axis) => !ofData.has(axis)),
  );
  return decl.axes.length === 1
    ? states
    : states.filter(({ length }) => length === decl.axes.length);
};

const ofLoss = (library: Library, stand: Stand, loss: Definition): readonly Diagnostic[] =>
  leastWrong(
    bracketsFor(stand, loss).map((axes) => () => {
      const call = callOf(stand, loss, axes);
      if (call === null) return [];
      const { symbols, student, teacher } = stand;
      return gathered((found) =>
        elaborateLoss(call, library, symbols.builder, {
          student: visible(student),
          teacher: visible(teacher),
          labels: symbols.labels,
          found,
        }),
      );
    }),
  );

const ofMetric = (library: Library, stand: Stand, metric: Definition): readonly Diagnostic[] => {
  const { symbols, student } = stand;
  const model = student.values;
  const { labels, builder } = symbols;
  return gathered((found) => elaborateMetric(metric, library, builder, { model, labels, found }));
};

/** Scores of an axis by the criterion, and whether batches of them add up. */
const onAxis = (
  library: Library,
  { shape, symbols, student }: Stand,
  definition: Definition,
  axis: string,
): readonly Diagnostic[] => {
  const { decl, file } = definition;
  const place = { path: file.path, span: decl.name.span };
  const use = { definition, args: new Map(), tap: null, text: decl.name.name };
  const { tokens, labels, builder } = symbols;
  const subject = { forward: student, tokens, labels, seed: 0, model: "model", axis, place };
  const found: Diagnostic[] = [];
  const scores = scoreOf(use, library, builder, shape, { ...subject, found });
  const [windows] = tokens.axes;
  if (!scores.ok || found.length > 0 || windows === undefined)
    return scores.ok ? found : [...found, ...scores.diagnostics];
  const outputs = Object.fromEntries(scores.value.map((node, at) => [`${axis}@${at}`, node]));
  const reason = obstacle({ outputs }, windows.name, windows.size)?.failure;
  if (reason === undefined) return [];
  const criterion = decl.name.name;
  return [report("not-summed", place, { axis, criterion, reason })];
};

/** Axes that a criterion may be meant for, the likeliest first. */
export const axesFor = ({ shape, student }: Stand, { decl }: Definition): readonly string[] => {
  const of = decl.subject?.of;
  const tapped = [...new Set(student.taps.map(({ axis }) => axis))];
  const layer = tapped.filter((axis) => axis === shape.layerAxis);
  const units = tapped.filter((axis) => axis !== shape.layerAxis);
  if (of === "rest" || of === "gap" || of === "run") return layer;
  return decl.subject?.names.length === 2 ? [...layer, ...units] : [...units, ...layer];
};

const ofCriterion = (library: Library, stand: Stand, criterion: Definition) => {
  const use = { definition: criterion, args: new Map() };
  if (judgesAnswers(use, library)) return gathered(() => elaborateAnswerCriterion(use, library));
  return leastWrong(
    axesFor(stand, criterion).map((axis) => () => onAxis(library, stand, criterion, axis)),
  );
};

const ofSchedule = (library: Library, schedule: Definition): readonly Diagnostic[] => {
  const call = callOf(null, schedule, []);
  if (call === null) return [];
  const made = elaborateSchedule(call, library);
  return made.ok ? [] : made.diagnostics;
};

/** What is wrong with a definition, tried on one model after another until it fits one. */
export const wrongIn = (
  library: Library,
  definition: Definition,
  stands: readonly Stand[],
): readonly Diagnostic[] => {
  const { keyword } = definition.decl;
  const onStands = (
    of: (library: Library, stand: Stand, definition: Definition) => readonly Diagnostic[],
  ) => leastWrong(stands.map((stand) => () => of(library, stand, definition)));
  switch (keyword) {
    case "loss":
      return onStands(ofLoss);
    case "criterion":
      return onStands(ofCriterion);
    case "metric":
      return judgesChoices(definition)
        ? gathered(() => elaborateChoiceMetric(definition))
        : onStands(ofMetric);
    case "schedule":
      return ofSchedule(library, definition);
    case "fold":
      return gathered(() => elaborateFold(definition));
    case "function":
      // Functions say no axes of what they take: they are tried where others call them.
      return [];
    default:
      return keyword satisfies never;
  }
};
