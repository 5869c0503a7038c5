/**
 * The check: a spec's text to a recipe in which every name, size and unit is known, or to everything that is wrong
 * with it. Nothing is thrown and nothing of the GPU is touched.
 */
import type { Declaration, ExpectDecl, SourceFile, StageDecl } from "../grammar/ast.js";
import type { Diagnostic } from "../grammar/diagnostic.js";
import { parse } from "../grammar/parse.js";
import { checkAlone } from "./alone/check.js";
import type { Host } from "./host.js";
import { loadLibrary } from "./library/load.js";
import type { DataSource } from "./plan.js";
import { type ConstantContext, evaluate } from "./recipe/constant.js";
import { type Context, say } from "./recipe/context.js";
import { settled } from "./recipe/order.js";
import { applyParams, applyProfile, readSets } from "./recipe/overrides.js";
import type { Recipe, RecipeDecision, RecipeModel } from "./recipe/recipe.js";
import { createReport } from "./recipe/report.js";
import { createScope, type Kind, type Scope } from "./recipe/scope.js";
import { bestCall, contendersOf, forEachContender } from "./recipe/stages/best.js";
import { checkData } from "./recipe/stages/data.js";
import { checkDistill } from "./recipe/stages/distill.js";
import { checkEvaluate } from "./recipe/stages/evaluate.js";
import { checkExpect } from "./recipe/stages/expect.js";
import { checkExport } from "./recipe/stages/export.js";
import { checkModel } from "./recipe/stages/model.js";
import { checkPrune } from "./recipe/stages/prune.js";
import { checkScore } from "./recipe/stages/score.js";
import { checkSearch } from "./recipe/stages/search.js";
import { createTrials } from "./recipe/stages/symbolic.js";
import { printQuantity } from "./recipe/units.js";
import { resolveUses, type Uses } from "./recipe/uses.js";

export interface CheckOptions {
  /** `--set name=value`, as written. */
  readonly set?: Readonly<Record<string, string>>;
  readonly profile?: string;
}

export interface CheckResult {
  /** Null where there is any error. */
  readonly recipe: Recipe | null;
  /** Sorted by position, the spec's own first. */
  readonly diagnostics: readonly Diagnostic[];
  /** The text of everything that was read, by the path that diagnostics use. */
  readonly sources: ReadonlyMap<string, string>;
}

const EDITION = 1;

/** What a stage's name stands for. */
const kindOf = (stage: StageDecl): Kind | null => {
  switch (stage.keyword) {
    case "model":
    case "prune":
    case "distill":
    case "search":
      return "model";
    case "data":
    case "score":
      return stage.keyword;
    case "evaluate":
    case "export":
      return null;
    default:
      return stage.keyword satisfies never;
  }
};

const declareAll = (scope: Scope, spec: SourceFile, uses: Uses): void => {
  const constants = [
    ...uses.bindings,
    ...spec.declarations
      .filter((decl) => decl.kind === "binding")
      .map((decl) => ({ file: spec, decl })),
  ];
  for (const { file, decl } of constants) {
    const { name, value, keyword } = decl;
    scope.declare({ kind: "constant", name, file, value, keyword });
  }
  for (const stage of spec.declarations.filter((decl) => decl.kind === "stage")) {
    const kind = kindOf(stage);
    const [name] = stage.names;
    if (kind !== null && name !== undefined)
      scope.declare({ kind, name, file: spec, value: null, keyword: stage.keyword });
  }
};

const checkStage = (context: Context, stage: StageDecl): void => {
  switch (stage.keyword) {
    case "model":
      checkModel(context, stage);
      break;
    case "data":
      checkData(context, stage);
      break;
    case "score":
      checkScore(context, stage);
      break;
    case "prune":
      checkPrune(context, stage);
      break;
    case "distill":
      checkDistill(context, stage);
      break;
    case "evaluate":
      checkEvaluate(context, stage);
      break;
    case "export":
      checkExport(context, stage);
      break;
    case "search":
      checkSearch(context, stage);
      break;
    default:
      stage.keyword satisfies never;
  }
};

/** Definitions in a file that does nothing with them. */
const checkLibrary = ({ file, library, report }: Context): void => {
  if (file.declarations.every(({ kind }) => kind !== "stage"))
    report.pass(checkAlone(library, file));
};

/** What was checked: a recipe, if nothing is wrong. */
interface Checked {
  readonly context: Context;
  readonly decision:
    | (Omit<RecipeDecision, "recipes"> & { readonly ways: ReadonlyMap<number, Checked> })
    | null;
}

type Staged = StageDecl | ExpectDecl;

const isStaged = (decl: Declaration): decl is Staged =>
  decl.kind === "stage" || decl.kind === "expect";

/** What reads files, and so depends on nothing that a run finds. */
const isInput = (decl: Staged): decl is StageDecl => {
  if (decl.kind !== "stage") return false;
  const { keyword, value } = decl;
  const opens =
    value?.kind === "call" && value.callee.kind === "name" && value.callee.name === "open";
  return keyword === "data" || (keyword === "model" && opens);
};

/** Stages in the order they are written; those after the best of a search is taken, for each candidate that it may be. */
const checkStages = (context: Context, stages: readonly Staged[]): Checked => {
  for (const [at, decl] of stages.entries()) {
    const call = bestCall(decl);
    if (decl.kind === "expect") checkExpect(context, decl);
    else if (call === null) checkStage(context, decl);
    else {
      const contenders = contendersOf(context, decl, call);
      if (contenders === null) continue;
      const rest = stages.slice(at + 1);
      for (const input of rest.filter(isInput)) checkStage(context, input);
      const late = rest.filter((other) => !isInput(other));
      const ways = forEachContender(context, contenders, (fork) => checkStages(fork, late));
      const { model, set } = contenders;
      return { context, decision: { search: set.search, model: model.name, ways } };
    }
  }
  return { context, decision: null };
};

/** Edition, constants, then stages. */
const checkDeclarations = (context: Context): Checked => {
  for (const decl of context.file.declarations)
    if (decl.kind === "edition" && decl.version.value !== EDITION)
      say(context, "unknown-edition", decl.version.span, { found: decl.version.text });
  const constants: ConstantContext = context;
  for (const { kind, name, file } of context.scope.declared.values())
    if (kind === "constant") evaluate(constants, name, file);
  return checkStages(context, context.file.declarations.filter(isStaged));
};

const seedOf = (scope: Scope): number => {
  const seed = scope.peek("constant", "seed");
  return typeof seed === "object" && seed !== null && Number.isSafeInteger(seed.value)
    ? seed.value
    : 0;
};

const settingsOf = (scope: Scope): Record<string, string> =>
  Object.fromEntries(
    [...scope.declared.values()]
      .filter((declared) => declared.keyword === "param")
      .map(({ name }) => {
        const value = scope.peek("constant", name.name) ?? "";
        return [name.name, typeof value === "string" ? value : printQuantity(value)];
      }),
  );

const entriesOf = <K extends Kind, T>(
  scope: Scope,
  kind: K,
  make: (name: string, value: NonNullable<ReturnType<typeof scope.peek<K>>>) => T,
): Map<string, T> => {
  const entries = new Map<string, T>();
  for (const name of scope.declared.keys()) {
    const value = scope.peek(kind, name);
    if (value !== null && value !== undefined) entries.set(name, make(name, value));
  }
  return entries;
};

const recipeOf = ({ context, decision }: Checked): Recipe => {
  const { file, library, scope, steps, sources, host } = context;
  // A search's name stands for its candidates, which are among those between.
  const named = [...entriesOf(scope, "model", (name, entry) => ({ name, ...entry }))]
    .filter(([, { candidates }]) => candidates === undefined)
    .map(([name, { shape }]): [string, RecipeModel] => [name, { name, shape }]);
  const between = [...context.between].map(([name, shape]) => [name, { name, shape }] as const);
  const models = new Map([...named, ...between]);
  const data = entriesOf(scope, "data", (_name, source): DataSource => source);
  return {
    file,
    library,
    seed: seedOf(scope),
    settings: settingsOf(scope),
    models,
    stored: context.stored,
    data,
    steps,
    decision: decision === null ? null : decisionOf(decision),
    sources: () => {
      const read = [...sources].filter(([path]) => !path.startsWith("--"));
      return Object.fromEntries(read.map(([path, text]) => [path, host.hash(text)]));
    },
  };
};

const decisionOf = ({ search, model, ways }: NonNullable<Checked["decision"]>): RecipeDecision => ({
  search,
  model,
  recipes: new Map([...ways].map(([id, way]) => [id, recipeOf(way)])),
});

/** Checks a spec. `specPath` is the name shown in diagnostics and what `use`d paths are relative to. */
export const check = (
  specPath: string,
  text: string,
  host: Host,
  options: CheckOptions = {},
): CheckResult => {
  const report = createReport();
  const sources = new Map([[specPath, text]]);
  const parsed = parse(specPath, text);
  report.pass(parsed.diagnostics);
  const uses = resolveUses(parsed.file, host, report, sources);
  const profiled = applyProfile(uses.spec, options.profile, report, sources);
  const loaded = loadLibrary([...uses.files, profiled.file]);
  report.pass(loaded.diagnostics);
  const scope = createScope(report);
  const context: Context = {
    file: profiled.file,
    host,
    library: loaded.library,
    report,
    scope,
    steps: [],
    measured: new Set(),
    unread: { evaluations: false },
    sources,
    trials: createTrials(),
    between: new Map(),
    stored: new Map(),
  };
  declareAll(scope, profiled.file, uses);
  applyParams(context, [...profiled.params, ...readSets(context, options.set ?? {}, sources)]);
  const checked = checkDeclarations(context);
  if (parsed.diagnostics.length === 0) checkLibrary(context);
  const diagnostics = settled(report.diagnostics, specPath, parsed.diagnostics.length > 0);
  const wrong = diagnostics.some((diagnostic) => diagnostic.severity === "error");
  return { recipe: wrong ? null : recipeOf(checked), diagnostics, sources };
};
