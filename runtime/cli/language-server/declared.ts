/** What a file may name: its own declarations, those of the files it uses, and the library's. */

import type { Host } from "../../../compiler/host.js";
import type { Declaration, Name, SourceFile, UseDecl } from "../../../grammar/ast.js";
import { type Parsed, parse } from "../../../grammar/parse.js";
import type { Span } from "../../../grammar/span.js";

export interface Declared {
  /** As it is written where it is used: `house.x` of a file that is used `as house`. */
  readonly name: string;
  /** The word before it: `criterion`, `model`, `let`. */
  readonly keyword: string;
  readonly doc: string | null;
  readonly file: SourceFile;
  readonly nameSpan: Span;
  readonly span: Span;
}

interface Named {
  readonly name: Name;
  readonly keyword: string;
  readonly doc: string | null;
  readonly isPrivate: boolean;
}

const namedBy = (decl: Declaration): Named | null => {
  switch (decl.kind) {
    case "binding":
      return { name: decl.name, keyword: decl.keyword, doc: null, isPrivate: false };
    case "stage": {
      const [name] = decl.names;
      const names = decl.keyword !== "evaluate" && decl.keyword !== "export";
      return name !== undefined && names
        ? { name, keyword: decl.keyword, doc: decl.doc, isPrivate: false }
        : null;
    }
    case "definition":
      return {
        name: decl.name,
        keyword: decl.keyword,
        doc: decl.doc,
        isPrivate: decl.isPrivate,
      };
    case "architecture":
      return { name: decl.name, keyword: decl.kind, doc: decl.doc, isPrivate: false };
    case "profile":
      return { name: decl.name, keyword: decl.kind, doc: null, isPrivate: false };
    case "edition":
    case "use":
    case "expect":
    case "ignore-config":
    case "pretokenizer":
      return null;
    default:
      return decl satisfies never;
  }
};

/** `isOwn`: private declarations too. */
const declaredIn = (file: SourceFile, isOwn: boolean, prefix = ""): Declared[] =>
  file.declarations.flatMap((decl) => {
    const named = namedBy(decl);
    if (named === null || (named.isPrivate && !isOwn)) return [];
    const { name, keyword, doc } = named;
    return [{ name: prefix + name.name, keyword, doc, file, nameSpan: name.span, span: decl.span }];
  });

/** Null where it is no path, or nothing can be read there. */
const usedFile = (from: SourceFile, { source }: UseDecl, host: Host): Parsed | null => {
  if (!("kind" in source)) return null;
  const path = host.join(from.path, source.value);
  const read = host.readText(path);
  return read.ok ? parse(path, read.text) : null;
};

/** All that `file` may name, its own first. */
export const declaredFor = (file: SourceFile, host: Host): readonly Declared[] => {
  const used = file.declarations.flatMap((decl) => {
    const parsed = decl.kind === "use" ? usedFile(file, decl, host) : null;
    if (parsed === null || decl.kind !== "use") return [];
    return declaredIn(parsed.file, false, decl.alias === null ? "" : `${decl.alias.name}.`);
  });
  const library = [...host.stdlib().values()].flatMap((parsed) => declaredIn(parsed.file, false));
  return [...declaredIn(file, true), ...used, ...library];
};

/** A stage is shown whole up to this many lines. */
const MOST_LINES = 12;

/** The declaration as a reader wants to see it: short ones whole, of others the line that names them. */
export const headOf = ({ file, span }: Declared): string => {
  const lines = file.text.slice(span.start, span.end).split(/\r?\n/);
  if (lines.length <= MOST_LINES) return lines.join("\n");
  return (lines[0] ?? "").replace(/\s*\{\s*$/, "");
};
