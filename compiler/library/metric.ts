/** Metrics: a number for a model over a data set. */
import type { DefinitionDecl } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Builder } from "../ir/build.js";
import type { Input, Node } from "../ir/tensor.js";
import { apply } from "./elaborate.js";
import { nodeOf } from "./environment.js";
import type { Library, Located, Outcome } from "./library.js";
import { type Named, recordOf, rootEnvironment } from "./loss.js";
import { mistake, outcome } from "./report.js";
import { axesText, type Value } from "./value.js";

export const elaborateMetric = (
  metric: Located<DefinitionDecl>,
  library: Library,
  builder: Builder,
  scope: {
    readonly model: Named;
    readonly labels: Input;
    /** Where mistakes in its lines are gathered when it is only tried. */
    readonly found?: Diagnostic[];
  },
): Outcome<Node> =>
  outcome(() => {
    const values = new Map<string, Value>([
      ["model", recordOf(scope.model)],
      ["labels", { kind: "indices", input: scope.labels, of: null }],
    ]);
    const root = rootEnvironment(library, builder, metric.file, values);
    const env = { ...root, found: scope.found };
    const { name } = metric.decl;
    const node = nodeOf(env, apply(env, metric, null, [], name.span, values), name.span);
    if (node.axes.length > 0)
      mistake("axes-differ", metric.file, name.span, {
        wants: "to be a single number",
        has: `over ${axesText(node.axes)}`,
      });
    return node;
  });
