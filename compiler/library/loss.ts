/** Losses: calls of library losses, added, scaled and combined by functions, over the models' named values and states. */
import type { CallExpr, Expr } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { nearest } from "../../grammar/suggest.js";
import type { Builder } from "../ir/build.js";
import type { Input, Node } from "../ir/tensor.js";
import { arithmetic } from "./arithmetic.js";
import { apply, functionNamed } from "./elaborate.js";
import { axesNamed, building, type Environment, nodeOf } from "./environment.js";
import { callLooksAtLayers, environmentsOf, type LayerCounts, splitLayers } from "./layer-pairs.js";
import type { Forward, Library, Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { axesText, numberValue, tensorValue, type Value } from "./value.js";

/** Tensors by name, some of them one of every layer. */
export type Named = ReadonlyMap<string, Node | readonly Node[]>;

const isList = (found: Node | readonly Node[]): found is readonly Node[] => Array.isArray(found);

export const recordOf = (values: Named): Value => ({
  kind: "record",
  members: new Map(
    [...values].map(([name, found]) => [
      name,
      isList(found) ? { kind: "list", items: found.map(tensorValue) } : tensorValue(found),
    ]),
  ),
});

/** What losses may look at in a forward pass. */
export const visible = ({ values, states }: Forward): Named => new Map([...values, ...states]);

/** Teacher, student and labels, as losses name them. */
export interface LossScope {
  readonly teacher?: Named;
  readonly student: Named;
  /** u32 [window, position] */
  readonly labels: Input;
  /** Of the whole models, where the values are of fewer layers. */
  readonly layers?: LayerCounts;
  /** Where mistakes in lines of the loss are gathered when it is only tried. */
  readonly found?: Diagnostic[];
}

export const rootEnvironment = (
  library: Library,
  builder: Builder,
  file: Environment["file"],
  values: ReadonlyMap<string, Value>,
): Environment => ({
  library,
  builder,
  file,
  values,
  axisParameters: new Map(),
  axes: new Map(),
  active: [],
});

const layersIn = (named: Named | undefined): number =>
  Math.max(0, ...[...(named ?? new Map()).values()].map((f) => (isList(f) ? f.length : 0)));

interface Terms {
  readonly env: Environment;
  readonly counts: LayerCounts;
}

/** A library loss; between layers, the sum over pairs of them. */
const lossCall = (
  { env, counts }: Terms,
  call: CallExpr,
  definition: Parameters<typeof apply>[1],
): Value => {
  const { layers, rest } = splitLayers(definition.decl, call.args);
  const axes = call.axes.length === 0 ? null : axesNamed(env, call.axes);
  const valueIn = (inner: Environment): Value =>
    apply(inner, definition, axes, rest, call.span, inner.values);
  if (!callLooksAtLayers(env, definition.decl, rest)) {
    if (layers !== null)
      mistake("wrong-arguments", env.file, layers.span, {
        reason: `\`${definition.decl.name.name}\` looks at no state of the layers`,
      });
    return valueIn(env);
  }
  const [first, ...others] = environmentsOf(env, layers, counts, call).map((inner) =>
    nodeOf(inner, valueIn(inner), call.span),
  );
  if (first === undefined) return numberValue(0);
  return building(env, call.span, [first], () =>
    others.reduce((sum, node) => env.builder.map("add", sum, node), first),
  );
};

const callOf = (terms: Terms, call: CallExpr): Value => {
  const { env } = terms;
  const name = call.callee.kind === "name" ? call.callee : call.callee.member;
  const losses = env.library.definitions.loss;
  const definition = losses.get(name.name);
  if (definition !== undefined) return lossCall(terms, call, definition);
  const combining = functionNamed(env.library, env.file, name.name);
  const near = nearest(name.name, losses.keys());
  if (combining === undefined)
    return mistake("unknown-in-library", env.file, name.span, { name: name.name, near });
  const value = (expr: Expr): Value => term(terms, expr);
  return apply(env, combining, null, call.args, call.span, new Map(), value);
};

const term = (terms: Terms, expr: Expr): Value => {
  const { env } = terms;
  switch (expr.kind) {
    case "number":
      return numberValue(expr.value);
    case "unary":
    case "binary":
      return arithmetic(env, expr, (_, inner) => term(terms, inner));
    case "call":
      return callOf(terms, expr);
    case "name":
      return mistake("wrong-value", env.file, expr.span, {
        wanted: "a loss",
        found: "a name",
        ...(env.library.definitions.loss.has(expr.name) ? { write: `${expr.name}()` } : {}),
      });
    default:
      return mistake("wrong-value", env.file, expr.span, {
        wanted: "a loss",
        found: "something else",
      });
  }
};

/** The scalar that a loss expression stands for. */
export const elaborateLoss = (
  loss: Located<Expr>,
  library: Library,
  builder: Builder,
  scope: LossScope,
): Outcome<Node> =>
  outcome(() => {
    const values = new Map<string, Value>([
      ["student", recordOf(scope.student)],
      ["labels", { kind: "indices", input: scope.labels, of: null }],
    ]);
    if (scope.teacher !== undefined) values.set("teacher", recordOf(scope.teacher));
    const root = rootEnvironment(library, builder, loss.file, values);
    const env = { ...root, found: scope.found };
    const counts = scope.layers ?? {
      teacher: layersIn(scope.teacher),
      student: layersIn(scope.student),
    };
    const node = nodeOf(env, term({ env, counts }, loss.decl), loss.decl.span);
    if (node.axes.length > 0)
      mistake("axes-differ", loss.file, loss.decl.span, {
        wants: "to be a single number",
        has: `over ${axesText(node.axes)}`,
      });
    return node;
  });
