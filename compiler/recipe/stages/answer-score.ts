/** Scores on questions: whether a criterion is of what the data are, and tried. */
import type { Name } from "../../../grammar/ast.js";
import { elaborateAnswerCriterion, judgesAnswers } from "../../library/answer-criterion.js";
import type { CriterionUse, ModelShape } from "../../library/library.js";
import type { DataSource } from "../../plan.js";
import { type Context, passOn, say } from "../context.js";

/** Says so where a criterion of questions is to look at texts, or the other way round; data that are broken fit all. */
export const fitsData = (
  context: Context,
  head: Name,
  criterion: CriterionUse,
  data: DataSource | null,
): boolean => {
  const { library } = context;
  const answers = judgesAnswers(criterion, library);
  if (data === null || answers === (data.kind === "choices")) return true;
  const fitting = [...library.definitions.criterion].filter(
    ([, definition]) => judgesAnswers({ definition, args: new Map() }, library) !== answers,
  );
  say(context, "criterion-data", head.span, {
    criterion: criterion.definition.decl.name.name,
    data: data.name,
    questions: !answers,
    known: fitting.map(([name]) => name),
  });
  return false;
};

/** Whether a criterion of questions can score the axis; says what is in the way. */
export const scoresAnswers = (
  context: Context,
  head: Name,
  criterion: CriterionUse,
  { layerAxis }: ModelShape,
): boolean => {
  const place = { path: context.file.path, span: head.span };
  const on = { axis: head.name, layerAxis, place };
  const found = elaborateAnswerCriterion(criterion, context.library, on);
  if (!found.ok) passOn(context, found.diagnostics, head.span);
  return found.ok;
};
