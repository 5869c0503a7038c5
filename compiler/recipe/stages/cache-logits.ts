/** `cache_logits top 64`: whether the loss of a `distill` can be had from so many of the teacher's logits of a token. */
import type { Expr } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import { type Located, ownerIn } from "../../library/library.js";
import { lossFromKept } from "../../passes/kept-logits.js";
import { type Context, say } from "../context.js";
import { type Parties, tried } from "./loss.js";

/** The setting's value, and where it stands. */
export interface CacheSetting {
  readonly value: number;
  readonly span: Span;
}

/** Says why what is kept does not do, where it does not. */
export const keepsEnough = (
  context: Context,
  loss: Located<Expr>,
  parties: Parties,
  { value: count, span }: CacheSetting,
): boolean => {
  const { teacher, student, data } = parties;
  if (teacher === null) {
    say(context, "cache-teacherless", span, { student: student.name, data: data.name });
    return false;
  }
  const value = tried(context, loss, parties);
  const target = context.trials.pass(data, "teacher", teacher.shape);
  const logits = target.ok ? target.value.values.get("logits") : undefined;
  const { builder, axes } = context.trials.symbols(data);
  if (!value.ok || logits === undefined || !("op" in logits)) return false;
  const found = lossFromKept(builder, value.value, {
    logits,
    tokens: axes,
    count,
    ownerOf: ownerIn("teacher"),
  });
  if ("loss" in found) return true;
  const needed = found.lacks === "count" ? found.needed : null;
  say(context, "cache-lacks", loss.decl.span, { count, lacks: found.lacks, needed });
  return false;
};
