/** The declarations of a file, for an editor's outline. */
import { type DocumentSymbol, SymbolKind } from "vscode-languageserver/node";
import type { Declaration, SourceFile } from "../../../grammar/ast.js";
import type { Span } from "../../../grammar/span.js";
import { rangeIn } from "./problems.js";

interface Entry {
  readonly name: string;
  readonly detail: string;
  readonly kind: SymbolKind;
  readonly nameSpan: Span;
}

const entryOf = (decl: Declaration): Entry | null => {
  switch (decl.kind) {
    case "stage": {
      const [first] = decl.names;
      const name = decl.names.map((one) => one.name).join(", ");
      const nameSpan = first?.span ?? decl.keywordSpan;
      return {
        name: name === "" ? decl.keyword : name,
        detail: decl.keyword,
        kind: SymbolKind.Object,
        nameSpan,
      };
    }
    case "binding": {
      const { name, keyword } = decl;
      return { name: name.name, detail: keyword, kind: SymbolKind.Constant, nameSpan: name.span };
    }
    case "definition": {
      const { name, keyword } = decl;
      return { name: name.name, detail: keyword, kind: SymbolKind.Function, nameSpan: name.span };
    }
    case "architecture":
    case "profile":
    case "pretokenizer": {
      const { name, kind } = decl;
      return { name: name.name, detail: kind, kind: SymbolKind.Class, nameSpan: name.span };
    }
    case "edition":
    case "use":
    case "expect":
    case "ignore-config":
      return null;
    default:
      return decl satisfies never;
  }
};

export const outlineOf = (file: SourceFile): DocumentSymbol[] =>
  file.declarations.flatMap((decl) => {
    const entry = entryOf(decl);
    if (entry === null) return [];
    const { nameSpan, ...rest } = entry;
    const range = rangeIn(file.text, decl.span);
    return [{ ...rest, range, selectionRange: rangeIn(file.text, nameSpan) }];
  });
