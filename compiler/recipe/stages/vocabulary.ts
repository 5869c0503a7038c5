/** Texts are read with the tokenizer of the first model opened: every model must have a row for each of its tokens. */
import type { StageDecl } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import type { Vocabulary } from "../../host.js";
import type { ModelShape } from "../../library/library.js";
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
const rowsOf = ({ architecture, axes }: ModelShape): number => {
  const { items } = architecture.decl;
  const [tokens] = items.flatMap((item) => (item.kind === "forward" ? item.parameters : []));
  return axes.find(({ name }) => name === tokens?.indexOf?.name)?.size ?? Number.POSITIVE_INFINITY;
};

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
