/** Data that are texts, for stages that read windows; questions can only be evaluated. */
import type { Name } from "../../grammar/ast.js";
import type { ChoiceSource, DataSource } from "../plan.js";
import { type Context, find, say } from "./context.js";

export type Texts = Exclude<DataSource, ChoiceSource>;

export const textsNamed = (context: Context, name: Name): Texts | null => {
  const data = find(context, "data", name);
  if (data === null || data.kind !== "choices") return data;
  say(context, "wrong-kind", name.span, { name: name.name, is: "questions", wanted: "texts" });
  return null;
};
