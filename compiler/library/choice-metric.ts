/** Metrics of choices: the score of a choice as scalar arithmetic, kept as data in the plan. */
import type { DefinitionDecl } from "../../grammar/ast.js";
import type { ChoiceMetric } from "../plan.js";
import type { Located, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { scalarBody } from "./schedule.js";

/** What a score may be made of. */
export const CHOICE_VARIABLES = ["likelihood", "tokens", "characters", "bytes"] as const;

/** `of choice`: how often the right choice has the best score. `of answer`: the score of the right one, on average. */
export const judgesChoices = ({ decl }: Located<DefinitionDecl>): boolean =>
  decl.subject?.of === "choice" || decl.subject?.of === "answer";

export const elaborateChoiceMetric = (
  definition: Located<DefinitionDecl>,
): Outcome<Omit<ChoiceMetric, "name">> =>
  outcome(() => {
    const { decl, file } = definition;
    const of = decl.subject?.of;
    if (of !== "choice" && of !== "answer")
      return mistake("wrong-arguments", file, decl.name.span, {
        reason: `\`${decl.name.name}\` measures texts, not choices`,
      });
    const names = CHOICE_VARIABLES.map((name) => [name, { op: "variable", name }] as const);
    return { of, score: scalarBody(definition, new Map(names)) };
  });
