/** Numbers that GGUF keeps in tensors of their own and config.json says in another way: an architecture's `list` lines. */
import type { GgufListItem } from "../../grammar/ast.js";
import type { Span } from "../../grammar/span.js";
import { interpret } from "../ir/interpret.js";
import { reads } from "../ir/traverse.js";
import type { GgufList } from "../plan.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { type Environment, nodeOf, numberOf } from "./environment.js";
import { blockEnvironment, blockOf, ggufItem } from "./gguf-block.js";
import type { ModelShape, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { isTrue, type Value } from "./value.js";

const itemsOf = ({ architecture: { decl } }: ModelShape): readonly GgufListItem[] =>
  (ggufItem(decl)?.items ?? []).filter((item) => item.kind === "gguf-list");

/** Names of tensors that are no weights. */
export const ggufListNames = (shape: ModelShape): readonly string[] =>
  itemsOf(shape).map(({ file }) => file.value);

/** What a list holds, or a tensor along one axis. */
const numbersOf = (env: Environment, value: Value, span: Span): readonly number[] => {
  if (value.kind === "list") return value.items.map((item) => numberOf(env, item, span));
  const node = nodeOf(env, value, span);
  if (reads(node, ({ op }) => op === "input"))
    return mistake("wrong-value", env.file, span, { wanted: "numbers", found: "what weights say" });
  const { data } = interpret({ outputs: { numbers: node } }, new Map()).numbers ?? { data: [] };
  return [...data];
};

/** The lists that a shape is written with. */
export const ggufLists = (shape: ModelShape, place: ConfigPlace): Outcome<GgufList[]> =>
  outcome(() => {
    const block = blockEnvironment(shape, blockOf(shape, place));
    return itemsOf(shape).flatMap(({ file, axis, value, condition }): GgufList[] => {
      if (condition !== null && !isTrue(evaluate(block, condition))) return [];
      const { name } = axis.name;
      const size = numberOf(block, evaluate(block, axis.size), axis.size.span);
      const env = { ...block, axes: new Map(block.axes).set(name, { name, size }) };
      const values = numbersOf(env, evaluate(env, value), value.span);
      if (values.length !== size)
        mistake("wrong-value", env.file, value.span, {
          wanted: `${size} numbers`,
          found: `${values.length}`,
        });
      return [{ tensor: file.value, values }];
    });
  });
