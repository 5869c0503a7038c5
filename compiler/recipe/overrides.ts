/** Profiles and `--set`: closed overlays, which may replace what the spec has and add nothing. */
import type {
  Declaration,
  Expr,
  Name,
  Override,
  ProfileDecl,
  SourceFile,
  StageDecl,
  Statement,
} from "../../grammar/ast.js";
import { parse } from "../../grammar/parse.js";
import { nearest } from "../../grammar/suggest.js";
import { type ConstantContext, evaluate } from "./constant.js";
import type { Report } from "./report.js";
import type { Value } from "./scope.js";
import { SETTINGS } from "./settings.js";
import { unitLabel } from "./units.js";

/** A new value for a param, with the file it is written in. */
export interface ParamOverride {
  readonly name: string;
  readonly value: Expr;
  readonly file: SourceFile;
}

const written = (path: readonly Name[]): string => path.map((name) => name.name).join(".");

const stageCalled = (file: SourceFile, name: string | undefined): StageDecl | undefined =>
  file.declarations
    .filter((decl) => decl.kind === "stage")
    .find(
      (stage) =>
        stage.keyword !== "evaluate" && stage.keyword !== "export" && stage.names[0]?.name === name,
    );

/** Everything a profile of this file may set, as paths. */
const settable = (file: SourceFile): string[] =>
  file.declarations.flatMap((decl) => {
    if (decl.kind === "binding") return decl.keyword === "param" ? [decl.name.name] : [];
    if (decl.kind !== "stage" || decl.keyword === "evaluate" || decl.keyword === "export")
      return [];
    const name = decl.names[0]?.name ?? "";
    const heads = (decl.body ?? []).flatMap((line) => line.heads.map((head) => head.name));
    const settings = [...Object.keys(SETTINGS[decl.keyword]), ...heads].map((s) => `${name}.${s}`);
    return decl.keyword === "model" || decl.keyword === "data" ? [name, ...settings] : settings;
  });

const checkPaths = (file: SourceFile, report: Report): void => {
  const known = settable(file);
  for (const profile of file.declarations.filter((decl) => decl.kind === "profile"))
    for (const override of profile.overrides) {
      const path = written(override.path);
      if (known.includes(path)) continue;
      const first = override.path[0];
      const last = override.path.at(-1);
      if (first === undefined || last === undefined) continue;
      const span = { start: first.span.start, end: last.span.end };
      const parameters = { profile: profile.name.name, path, near: nearest(path, known) };
      report.say("unknown-profile-path", file, span, parameters);
    }
};

const replaced = (stage: StageDecl, head: Name, override: Override): StageDecl => {
  const body = stage.body ?? [];
  const { value, span } = override;
  const line: Statement = { kind: "statement", heads: [head], items: [value], span };
  const at = body.findIndex((s) => s.heads.some((h) => h.name === head.name));
  if (at < 0) return { ...stage, body: [...body, line] };
  const rest = body[at]?.heads.filter((h) => h.name !== head.name) ?? [];
  // `hidden, mlp -> 75%` keeps its other heads when one of them is overridden.
  const kept = rest.length === 0 ? [] : [{ ...body[at], heads: rest } as Statement];
  return { ...stage, body: [...body.slice(0, at), ...kept, line, ...body.slice(at + 1)] };
};

const apply = (
  declarations: readonly Declaration[],
  file: SourceFile,
  override: Override,
): Declaration[] => {
  const [first, setting] = override.path;
  const stage = stageCalled({ ...file, declarations }, first?.name);
  return declarations.map((decl) => {
    if (decl !== stage || decl.kind !== "stage") return decl;
    return setting === undefined
      ? { ...decl, value: override.value }
      : replaced(decl, setting, override);
  });
};

const profileNamed = (
  file: SourceFile,
  name: string,
  report: Report,
  sources: Map<string, string>,
): ProfileDecl | null => {
  const profiles = file.declarations.filter((decl) => decl.kind === "profile");
  const profile = profiles.find((candidate) => candidate.name.name === name);
  if (profile !== undefined) return profile;
  const known = profiles.map((candidate) => candidate.name.name);
  const command = commandText("--profile", name, sources);
  const near = nearest(name, known);
  report.say("unknown-profile", command, command.span, { name, near, known });
  return null;
};

/** A piece of the command line as a source, so that diagnostics can point into it. */
const commandText = (option: string, text: string, sources: Map<string, string>): SourceFile => {
  sources.set(option, text);
  const span = { start: 0, end: text.length };
  return { kind: "file", path: option, text, declarations: [], comments: [], span };
};

/** The spec under a profile, and the params it sets. Paths of all its profiles are checked. */
export const applyProfile = (
  file: SourceFile,
  name: string | undefined,
  report: Report,
  sources: Map<string, string>,
): { readonly file: SourceFile; readonly params: readonly ParamOverride[] } => {
  checkPaths(file, report);
  const profile = name === undefined ? null : profileNamed(file, name, report, sources);
  if (profile === null) return { file, params: [] };
  const declarations = profile.overrides.reduce<readonly Declaration[]>(
    (all, override) => apply(all, file, override),
    file.declarations,
  );
  const bindings = file.declarations.filter((decl) => decl.kind === "binding");
  const params = profile.overrides.flatMap(({ path, value }) => {
    const set = written(path);
    return bindings.some((b) => b.keyword === "param" && b.name.name === set)
      ? [{ name: set, value, file }]
      : [];
  });
  return { file: { ...file, declarations }, params };
};

/** The params set on the command line. A text param takes its value without quotes. */
export const readSets = (
  context: ConstantContext,
  set: Readonly<Record<string, string>>,
  sources: Map<string, string>,
): ParamOverride[] =>
  Object.entries(set).flatMap(([name, text]) => {
    const declared = context.scope.declared.get(name);
    if (declared?.keyword !== "param") {
      const file = commandText(`--set ${name}`, `${name}=${text}`, sources);
      const params = [...context.scope.declared.values()].filter((d) => d.keyword === "param");
      const known = params.map((d) => d.name.name);
      const isLet = declared?.keyword === "let";
      const span = { start: 0, end: name.length };
      const near = nearest(name, known);
      context.report.say("unknown-param", file, span, { name, near, known, isLet });
      return [];
    }
    const path = `--set ${name}`;
    const quoted = declared.value?.kind === "string" && !text.startsWith('"');
    const source = `param ${name} = ${quoted ? JSON.stringify(text) : text}`;
    sources.set(path, source);
    const { file, diagnostics } = parse(path, source);
    context.report.pass(diagnostics);
    const [decl] = file.declarations;
    return decl?.kind === "binding" && diagnostics.length === 0
      ? [{ name, value: decl.value, file }]
      : [];
  });

const called = (value: Value): string =>
  typeof value === "string" ? "a text" : unitLabel(value.unit);

/** Gives params their new values, typed by their defaults: a plain number takes the default's unit. */
export const applyParams = (
  context: ConstantContext,
  overrides: readonly ParamOverride[],
): void => {
  for (const { name, value: expr, file } of overrides) {
    const declared = context.scope.declared.get(name);
    if (declared === undefined || declared.value === null) continue;
    const before = evaluate(context, declared.value, declared.file);
    const after = evaluate(context, expr, file);
    context.scope.define("constant", name, after);
    if (before === null || after === null || called(before) === called(after)) continue;
    const typed = typeof before !== "string" && typeof after !== "string";
    if (typed && after.unit === "number" && before.unit !== "ratio") {
      context.scope.define("constant", name, { ...after, unit: before.unit });
      continue;
    }
    const parameters = { what: `\`${name}\``, takes: called(before), found: called(after) };
    context.report.say("unit-mismatch", file, expr.span, parameters);
    context.scope.define("constant", name, null);
  }
};
