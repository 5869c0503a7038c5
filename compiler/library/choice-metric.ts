/** Metrics of choices: the score of a choice as scalar arithmetic, kept as data in the plan. */
import type { DefinitionDecl } from "../../grammar/ast.js";
import type { Scalar } from "../plan.js";
import type { Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { evaluate } from "./schedule.js";

/** What a score may be made of. */
export const CHOICE_VARIABLES = ["likelihood", "tokens", "characters", "bytes"] as const;

export const judgesChoices = ({ decl }: Located<DefinitionDecl>): boolean =>
  decl.subject?.of === "choice";

export const elaborateChoiceMetric = ({ decl, file }: Located<DefinitionDecl>): Outcome<Scalar> =>
  outcome(() => {
    let names = new Map<string, Scalar>(
      CHOICE_VARIABLES.map((name) => [name, { op: "variable", name }] as const),
    );
    for (const line of decl.body.lines)
      if (line.kind === "assign")
        names = new Map(names).set(line.name.name, evaluate(file, names, line.value));
    const { result } = decl.body;
    const reason = `\`${decl.name.name}\` gives no value`;
    return result === null
      ? mistake("wrong-arguments", file, decl.name.span, { reason })
      : evaluate(file, names, result);
  });
