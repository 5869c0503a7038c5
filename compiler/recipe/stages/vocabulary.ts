/**
 * Texts are read with the tokenizer of the first model opened: every model must have a row for each of its tokens. Where a
 * pruning cuts tokens, the tokenizer loses them too, and some must stay.
 */
import type { StageDecl } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { Vocabulary } from "../../host.js";
import { tokenAxis } from "../../library/forward.js";
import type { ModelShape } from "../../library/library.js";
import type { Cut } from "../../plan.js";
import { type Context, say } from "../context.js";

export interface Opened {
  readonly model: string;
  readonly path: string;
  readonly span: Span;
  readonly shape: ModelShape;
}

const readsTexts = ({ file }: Context): boolean =>
  file.declarations.some(
    (decl): decl is StageDecl => decl.kind === "stage" && decl.keyword === "data",
  );

/** Rows of the axis that the forward pass looks tokens up along. */
const rowsOf = (shape: ModelShape): number =>
  shape.axes.find(({ name }) => name === tokenAxis(shape))?.size ?? Number.POSITIVE_INFINITY;

const firstOpened = (context: Context): { model: string; vocabulary: Vocabulary | null } | null => {
  const first = context.steps.find((step) => step.kind === "open");
  if (first?.kind !== "open") return null;
  return { model: first.model, vocabulary: context.host.readVocabulary(first.path) };
};

/** Whether texts can be put to a model that is about to be opened; says why not. Without texts, or tokenizers, they can. */
export const checkVocabulary = (context: Context, opened: Opened): boolean => {
  if (!readsTexts(context)) return true;
  const { model, path, span, shape } = opened;
  const own = context.host.readVocabulary(path);
  if (own === null) return true;
  const rows = rowsOf(shape);
  if (own.size > rows) {
    say(context, "tokenizer-larger", span, { model, tokens: own.size, rows });
    return false;
  }
  const first = firstOpened(context);
  if (first?.vocabulary == null || first.vocabulary.hash === own.hash) return true;
  say(context, "tokenizers-differ", span, { model, first: first.model });
  return false;
};

/** The cut whose units are tokens; null where there is none. */
export const tokenCut = (shape: ModelShape, cuts: readonly Cut[]): Cut | null =>
  cuts.find(({ axis }) => axis === tokenAxis(shape)) ?? null;

/** Whether the tokenizer can do with so few tokens; says which it needs. Without a tokenizer to be read here, the run says so. */
export const canLose = (
  context: Context,
  stage: StageDecl,
  model: string,
  { axis, keep }: Cut,
): boolean => {
  const vocabulary = firstOpened(context)?.vocabulary ?? null;
  if (vocabulary === null) return true;
  const { least } = vocabulary;
  if (least !== null && keep >= least) return true;
  const heads = (stage.body ?? []).flatMap((line) => line.heads);
  const span = heads.find(({ name }) => name === axis)?.span ?? stage.keywordSpan;
  say(context, "vocabulary-target", span, { axis, model, to: keep, least });
  return false;
};
