/**
 * Losses between layers: a loss that looks at states of every layer is worked out for each pair of a teacher's layer and a
 * student's, and added up (Minitron, arXiv 2407.14679, section 3). Layers count from 0.
 */
import type { Argument, CallExpr, DefinitionDecl, Expr } from "../../grammar/ast.js";
import { evaluate } from "./elaborate.js";
import { type Environment, numberOf } from "./environment.js";
import { mistake } from "./report.js";
import type { Value } from "./value.js";

/** How many layers each has. */
export interface LayerCounts {
  readonly teacher: number;
  readonly student: number;
}

export interface LayerPair {
  readonly teacher: number;
  readonly student: number;
}

const MAP = "layers";

/** The argument that maps layers, and the others. */
export const splitLayers = (
  decl: DefinitionDecl,
  args: readonly Argument[],
): { readonly layers: Argument | null; readonly rest: readonly Argument[] } => {
  const own = decl.parameters.some(({ name }) => name.name === MAP);
  const layers = own ? undefined : args.find(({ name }) => name?.name === MAP);
  return { layers: layers ?? null, rest: args.filter((argument) => argument !== layers) };
};

const layered = (env: Environment, expr: Expr): boolean => {
  if (expr.kind !== "member" || expr.target.kind !== "name") return false;
  const party = env.values.get(expr.target.name);
  return party?.kind === "record" && party.members.get(expr.member.name)?.kind === "list";
};

/** Whether an expression looks at a state of every layer; one that picks a layer does not. */
const looksAtLayers = (env: Environment, expr: Expr): boolean => {
  switch (expr.kind) {
    case "member":
      return layered(env, expr);
    case "call":
      return expr.args.some(({ value }) => looksAtLayers(env, value));
    case "unary":
      return looksAtLayers(env, expr.operand);
    case "binary":
      return looksAtLayers(env, expr.left) || looksAtLayers(env, expr.right);
    default:
      return false;
  }
};

/** Whether a call's arguments, or what stands for missing ones, look at states of every layer. */
export const callLooksAtLayers = (
  env: Environment,
  decl: DefinitionDecl,
  args: readonly Argument[],
): boolean => {
  const given = args.filter(({ name }) => name === null).length;
  const fallbacks = decl.parameters.filter(
    ({ name, fallback }, at) =>
      fallback !== null && at >= given && !args.some((a) => a.name?.name === name.name),
  );
  return [...args.map(({ value }) => value), ...fallbacks.map(({ fallback }) => fallback)].some(
    (expr) => expr !== null && looksAtLayers(env, expr),
  );
};

const layerIn = (env: Environment, expr: Expr, count: number): number => {
  const layer = numberOf(env, evaluate(env, expr), expr.span);
  if (Number.isInteger(layer) && layer >= 0 && layer < count) return layer;
  return mistake("wrong-value", env.file, expr.span, {
    wanted: `a layer from 0 to ${count - 1}`,
    found: `the number ${layer}`,
  });
};

const written = (env: Environment, expr: Expr, counts: LayerCounts): readonly LayerPair[] | null =>
  expr.kind !== "list"
    ? null
    : expr.items.map((item) =>
        item.kind !== "arrow" || item.from === null
          ? mistake("wrong-value", env.file, item.span, {
              wanted: "a teacher's layer -> a student's",
              found: "something else",
            })
          : {
              teacher: layerIn(env, item.from, counts.teacher),
              student: layerIn(env, item.to, counts.student),
            },
      );

/**
 * `uniform`: each of the student's layers learns from the last of an equal share of the teacher's; `last`: from the
 * teacher's last ones, in order (TinyBERT, arXiv 1909.10351, section 5.4); `[29 -> 13]`: as written.
 */
const pairsOf = (
  env: Environment,
  expr: Expr | null,
  counts: LayerCounts,
): readonly LayerPair[] => {
  const { teacher, student } = counts;
  const each = (teacherOf: (layer: number) => number): LayerPair[] =>
    Array.from({ length: student }, (_, layer) => ({ teacher: teacherOf(layer), student: layer }));
  if (expr === null || (expr.kind === "name" && expr.name === "uniform"))
    return each((layer) => Math.max(0, Math.floor(((layer + 1) * teacher) / student) - 1));
  if (expr.kind === "name" && expr.name === "last")
    return each((layer) => Math.max(0, teacher - student + layer));
  return (
    written(env, expr, counts) ??
    mistake("wrong-value", env.file, expr.span, {
      wanted: "uniform, last, or pairs of layers such as [29 -> 13, 31 -> 15]",
      found: "something else",
    })
  );
};

/** States of one layer in the place of those of all; a trial has fewer layers than the model. */
const narrowed = (party: Value | undefined, layer: number): Value | undefined =>
  party?.kind !== "record"
    ? party
    : {
        kind: "record",
        members: new Map(
          [...party.members].map(([name, value]) => [
            name,
            value.kind === "list"
              ? (value.items[Math.min(layer, value.items.length - 1)] ?? value)
              : value,
          ]),
        ),
      };

const seeingPair = (env: Environment, pair: LayerPair): Environment => {
  const values = new Map(env.values);
  for (const role of ["teacher", "student"] as const) {
    const party = narrowed(values.get(role), pair[role]);
    if (party !== undefined) values.set(role, party);
  }
  return { ...env, values };
};

/** The environments in which a loss between layers is worked out, one for each pair. */
export const environmentsOf = (
  env: Environment,
  layers: Argument | null,
  counts: LayerCounts,
  call: CallExpr,
): readonly Environment[] => {
  const pairs = pairsOf(env, layers?.value ?? null, counts);
  if (pairs.length === 0)
    return mistake("wrong-value", env.file, layers?.span ?? call.span, {
      wanted: "at least one pair of layers",
      found: "none",
    });
  return pairs.map((pair) => seeingPair(env, pair));
};
