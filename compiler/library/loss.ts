/** Losses: calls of library losses, added and scaled, over the models' named values. */
import type { Expr } from "../../grammar/ast.js";
import { nearest } from "../../grammar/suggest.js";
import type { Builder } from "../ir/build.js";
import type { Input, Node } from "../ir/tensor.js";
import { arithmetic } from "./arithmetic.js";
import { apply } from "./elaborate.js";
import { type Environment, nodeOf } from "./environment.js";
import type { Library, Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { axesText, numberValue, tensorValue, type Value } from "./value.js";

type Named = ReadonlyMap<string, Node>;

export const recordOf = (values: Named): Value => ({
  kind: "record",
  members: new Map([...values].map(([name, node]) => [name, tensorValue(node)])),
});

/** Teacher, student and labels, as losses name them. */
export interface LossScope {
  readonly teacher?: Named;
  readonly student: Named;
  /** u32 [window, position] */
  readonly labels: Input;
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

const term = (env: Environment, expr: Expr): Value => {
  switch (expr.kind) {
    case "number":
      return numberValue(expr.value);
    case "unary":
    case "binary":
      return arithmetic(env, expr, term);
    case "call": {
      const name = expr.callee.kind === "name" ? expr.callee : expr.callee.member;
      const losses = env.library.definitions.loss;
      const definition = losses.get(name.name);
      if (definition === undefined)
        return mistake("unknown-in-library", env.file, name.span, {
          name: name.name,
          near: nearest(name.name, losses.keys()),
        });
      return apply(env, definition, null, expr.args, expr.span, env.values);
    }
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
    const env = rootEnvironment(library, builder, loss.file, values);
    const node = nodeOf(env, term(env, loss.decl), loss.decl.span);
    if (node.axes.length > 0)
      mistake("axes-differ", loss.file, loss.decl.span, {
        wants: "to be a single number",
        has: `over ${axesText(node.axes)}`,
      });
    return node;
  });
