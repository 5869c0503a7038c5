/**
 * `use`: the standard library (always there as a whole), recipes of it by name, other files by path.
 * The names of a file used `as house` become `house.NAME`, here and in the file itself, so that nothing after this knows aliases.
 */
import type {
  BindingDecl,
  BodyLine,
  Declaration,
  DefinitionDecl,
  Name,
  SourceFile,
  StringExpr,
  UseDecl,
} from "../../grammar/ast.js";
import { type Parsed, parse } from "../../grammar/parse.js";
import type { Span } from "../../grammar/span.js";
import { nearest } from "../../grammar/suggest.js";
import type { Host } from "../host.js";
import type { Located } from "../library/library.js";
import { label, type Report } from "./report.js";
import { mapExpressions } from "./rewrite.js";

export interface Uses {
  /** The spec, with `alias.name` resolved. */
  readonly spec: SourceFile;
  /** The standard library, then the used files in the order of their use. */
  readonly files: readonly SourceFile[];
  /** `param` and `let` of used files. */
  readonly bindings: readonly Located<BindingDecl>[];
}

interface Work {
  readonly host: Host;
  readonly report: Report;
  readonly sources: Map<string, string>;
  readonly stdlib: ReadonlyMap<string, SourceFile>;
  readonly used: Map<string, SourceFile>;
  readonly bindings: Located<BindingDecl>[];
}

/** Aliases of one file, and what stands before the names they lead to. */
type Aliases = ReadonlyMap<string, string>;

const take = (
  { report, sources }: Pick<Work, "report" | "sources">,
  { file, diagnostics }: Parsed,
): SourceFile => {
  sources.set(file.path, file.text);
  report.pass(diagnostics);
  return file;
};

const isNamed = (decl: Declaration): decl is DefinitionDecl | BindingDecl =>
  decl.kind === "definition" || decl.kind === "binding";

const assigned = (lines: readonly BodyLine[]): string[] =>
  lines.flatMap((line) => {
    if (line.kind === "assign") return [line.name.name];
    return line.kind === "each" ? assigned(line.lines) : [];
  });

/** Names that mean something of their own within a definition. */
const locals = (decl: Declaration): ReadonlySet<string> => {
  if (decl.kind !== "definition") return new Set();
  const parameters = decl.parameters.flatMap((p) => [p.name.name, p.arrowTo?.name ?? ""]);
  const { names = [], weight = null } = decl.subject ?? {};
  const subjects = [...names, ...(weight === null ? [] : [weight])].map((name) => name.name);
  return new Set([...parameters, ...subjects, ...assigned(decl.body.lines)]);
};

/** The file with `prefix` before every name it declares. */
const prefixed = (file: SourceFile, prefix: string): SourceFile => {
  const own = new Set(file.declarations.filter(isNamed).map((decl) => decl.name.name));
  const rename = (name: Name): Name => ({ ...name, name: prefix + name.name });
  const declarations = file.declarations.map((decl): Declaration => {
    const shadowed = locals(decl);
    const renamed = mapExpressions(decl, (expr) =>
      expr.kind === "name" && own.has(expr.name) && !shadowed.has(expr.name) ? rename(expr) : expr,
    );
    return isNamed(renamed) ? { ...renamed, name: rename(renamed.name) } : renamed;
  });
  return { ...file, declarations };
};

const withoutAliases = (file: SourceFile, aliases: Aliases): SourceFile => {
  if (aliases.size === 0) return file;
  const declarations = mapExpressions(file.declarations, (expr) => {
    if (expr.kind !== "member" || expr.target.kind !== "name") return expr;
    const prefix = aliases.get(expr.target.name);
    if (prefix === undefined) return expr;
    return { kind: "name", name: prefix + expr.member.name, span: expr.span };
  });
  return { ...file, declarations };
};

const bindingsOf = (file: SourceFile): Located<BindingDecl>[] =>
  file.declarations.filter((decl) => decl.kind === "binding").map((decl) => ({ file, decl }));

/** `use RECIPE`, `use RECIPE.NAME`. */
const useRecipe = (work: Work, file: SourceFile, names: readonly Name[]): void => {
  const [recipe, entry] = names;
  if (recipe === undefined) return;
  const found = work.stdlib.get(`recipes/${recipe.name}.prune`);
  if (found === undefined) {
    const known = [...work.stdlib.keys()].flatMap(
      (path) => /^recipes\/(.+)\.prune$/.exec(path)?.[1] ?? [],
    );
    const near = nearest(recipe.name, known);
    work.report.say("unknown-recipe", file, recipe.span, { name: recipe.name, near, known });
    return;
  }
  const entries = [...work.stdlib.values()].flatMap((source) =>
    source.declarations.filter(isNamed).map((decl) => decl.name.name),
  );
  if (entry !== undefined && !entries.includes(entry.name)) {
    const near = nearest(entry.name, entries);
    const parameters = { name: entry.name, of: recipe.name, near, known: entries };
    work.report.say("unknown-entry", file, entry.span, parameters);
  }
  if (!work.used.has(found.path)) work.bindings.push(...bindingsOf(found));
  work.used.set(found.path, found);
};

/** The word that a declaration begins with, where it is one that only a spec's own have an effect of. */
const runs = (decl: Declaration): string | null => {
  switch (decl.kind) {
    case "stage":
      return decl.keyword;
    case "expect":
    case "profile":
      return decl.kind;
    default:
      return null;
  }
};

/** Reports what a used file would have done, had it been run. */
const reportStages = (work: Work, used: SourceFile, by: SourceFile, place: Span): void => {
  for (const decl of used.declarations) {
    const keyword = runs(decl);
    if (keyword === null) continue;
    const { start } = decl.kind === "stage" ? decl.keywordSpan : decl.span;
    const labels = [label(by, place, "used here")];
    work.report.say(
      "stage-used",
      used,
      { start, end: start + keyword.length },
      { keyword },
      { labels },
    );
  }
};

/** `use "./house.prune" as house`; `trail` are the files whose uses led here, the last one being `file`. */
const useFile = (
  work: Work,
  file: SourceFile,
  source: StringExpr,
  prefix: string,
  trail: readonly string[],
): void => {
  const path = work.host.join(file.path, source.value);
  if (trail.includes(path)) {
    const chain = [...trail.slice(trail.indexOf(path)), path];
    work.report.say("cyclic-use", file, source.span, { chain });
    return;
  }
  const key = `${path} as ${prefix}`;
  if (work.used.has(key)) return;
  const text = work.host.readText(path);
  if (!text.ok) {
    work.report.say("use-missing", file, source.span, { path: source.value, reason: text.reason });
    return;
  }
  const found = take(work, parse(path, text.text));
  reportStages(work, found, file, source.span);
  const parsed = visit(work, found, [...trail, path]);
  const named = prefix === "" ? parsed : prefixed(parsed, prefix);
  work.used.set(key, named);
  work.bindings.push(...bindingsOf(named));
};

/** Follows the uses of a file; gives the file with their aliases resolved. */
const visit = (work: Work, file: SourceFile, trail: readonly string[]): SourceFile => {
  const aliases = new Map<string, string>();
  const places = new Map<string, Span>();
  const alias = ({ alias: name }: UseDecl, prefix: string): void => {
    if (name === null) return;
    const first = places.get(name.name);
    if (first !== undefined) {
      const labels = [label(file, first, "first declared here")];
      work.report.say("duplicate-name", file, name.span, { name: name.name }, { labels });
    }
    places.set(name.name, name.span);
    aliases.set(name.name, prefix);
  };
  for (const decl of file.declarations) {
    if (decl.kind !== "use") continue;
    if ("kind" in decl.source) {
      const prefix = decl.alias === null ? "" : `${decl.alias.name}.`;
      alias(decl, prefix);
      useFile(work, file, decl.source, prefix, trail);
    } else {
      // All of the standard library is in scope: an alias leads to the same names.
      alias(decl, "");
      useRecipe(work, file, decl.source);
    }
  }
  return withoutAliases(file, aliases);
};

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export const resolveUses = (
  spec: SourceFile,
  host: Host,
  report: Report,
  sources: Map<string, string>,
): Uses => {
  const stdlib = new Map(
    [...host.stdlib()].map(([path, parsed]) => [path, take({ report, sources }, parsed)]),
  );
  const work: Work = { host, report, sources, stdlib, used: new Map(), bindings: [] };
  // The spec's own path as `join` would spell it, so that a circle through the spec is seen.
  const resolved = visit(work, spec, [host.join(spec.path, baseName(spec.path))]);
  const others = [...work.used.values()].filter((file) => !file.path.startsWith("stdlib/"));
  return { spec: resolved, files: [...stdlib.values(), ...others], bindings: work.bindings };
};
