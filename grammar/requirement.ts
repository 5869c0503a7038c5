/** `require CONDITION`, and `require CONDITION "why"`. */
import type { RequireItem } from "./ast.js";
import { spanOf } from "./lines.js";
import type { LineCursor } from "./reader.js";
import * as t from "./tokens.js";

export const requireItem = (cursor: LineCursor): RequireItem => {
  const { start } = spanOf(cursor.word("require"));
  const condition = cursor.expression();
  const reason = cursor.is(t.StringToken) ? cursor.string("why") : null;
  return { kind: "require", condition, reason, span: cursor.spanFrom(start) };
};
