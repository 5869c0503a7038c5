/**
 * `model NAME = best(SEARCH)`: the candidate that the last ranking above puts first, as the search cut it or, by the name of a
 * distillation of it, as that trained it. Which one it is the run finds out, so what follows is checked for each.
 */
import type { CallExpr, Declaration, Name, StageDecl } from "../../../grammar/ast.js";
import type { Diagnostic } from "../../../grammar/diagnostic.js";
import { readClauses } from "../clauses.js";
import { type Context, find, say } from "../context.js";
import { createReport, label } from "../report.js";
import type { Candidate, CandidateSet } from "../scope.js";
import { readSettings } from "../settings.js";
import { candidateName, rankingsOf } from "./candidates.js";

const EXAMPLE = "model NAME = best(SEARCH)";

/** What a model may be, and where it says so. */
export interface Contenders {
  readonly model: Name;
  readonly call: CallExpr;
  /** The name that stands for the candidates. */
  readonly of: string;
  readonly set: CandidateSet;
  readonly vocabulary: string | null;
}

/** The call of a declaration that takes the best of a search; null of any other. */
export const bestCall = (decl: Declaration): CallExpr | null => {
  if (decl.kind !== "stage" || decl.keyword !== "model" || decl.value?.kind !== "call") return null;
  const { callee } = decl.value;
  return callee.kind === "name" && callee.name === "best" ? decl.value : null;
};

/** The candidates that a call names; null after saying what is wrong with it. */
export const contendersOf = (
  context: Context,
  stage: StageDecl,
  call: CallExpr,
): Contenders | null => {
  const [model] = stage.names;
  if (model === undefined) return null;
  context.scope.define("model", model.name, null);
  readClauses(context, stage);
  readSettings(context, stage, stage.body ?? []);
  const [argument, more] = call.args;
  const name = argument?.name === null ? argument.value : undefined;
  if (name?.kind !== "name" || more !== undefined) {
    const takes = "a search, or a distillation of one, by name";
    say(context, "setting-form", call.span, { name: "best", takes, example: EXAMPLE });
    return null;
  }
  const entry = find(context, "model", name);
  if (entry === null) return null;
  const { candidates: set, vocabulary } = entry;
  if (set === undefined) {
    say(context, "best-one", name.span, { name: name.name });
    return null;
  }
  if (rankingsOf(context, set) === 0) {
    say(context, "best-unranked", name.span, { name: name.name });
    return null;
  }
  return { model, call, of: name.name, set, vocabulary };
};

/** The check goes on by itself, with one of the candidates under the name. */
const forkOf = (
  context: Context,
  { model, of, set, vocabulary }: Contenders,
  { id, sizes, shape }: Candidate,
): Context => {
  const report = createReport();
  const scope = context.scope.fork(report);
  scope.define("model", model.name, { shape, vocabulary });
  const from = candidateName(of, id);
  const step = { kind: "best", model: model.name, search: set.search, from, sizes } as const;
  return {
    ...context,
    report,
    scope,
    steps: [...context.steps, step],
    measured: new Set(context.measured),
    unread: { ...context.unread },
    between: new Map(context.between),
    stored: new Map(context.stored),
  };
};

interface Found {
  readonly diagnostic: Diagnostic;
  /** The first candidate of which it is said, and of how many it is. */
  readonly candidate: Candidate;
  readonly count: number;
}

/** Each place and code once. */
const together = (
  all: readonly { readonly candidate: Candidate; readonly diagnostics: readonly Diagnostic[] }[],
): readonly Found[] => {
  const found = new Map<string, Found>();
  for (const { candidate, diagnostics } of all) {
    const own = new Map(
      diagnostics.map((diagnostic) => [
        `${diagnostic.code} ${diagnostic.path} ${diagnostic.span.start}`,
        diagnostic,
      ]),
    );
    for (const [key, diagnostic] of own) {
      const known = found.get(key) ?? { diagnostic, candidate, count: 0 };
      found.set(key, { ...known, count: known.count + 1 });
    }
  }
  return [...found.values()];
};

/** Says what was found; of what is not said of every candidate, of which. A budget that some of them meet the run decides. */
const pass = (
  context: Context,
  { model, call, of, set }: Contenders,
  found: readonly Found[],
): void => {
  for (const { diagnostic, candidate, count } of found) {
    if (count === set.list.length) context.report.pass([diagnostic]);
    else if (diagnostic.code !== "budget-unmet") {
      const sizes = Object.entries(candidate.sizes).map(([axis, size]) => `${axis} ${size}`);
      const where = `where \`${model.name}\` is ${candidateName(of, candidate.id)}: ${sizes.join(", ")}`;
      const labels = [label(context.file, call.span, where), ...(diagnostic.labels ?? [])];
      context.report.pass([{ ...diagnostic, labels }]);
    }
  }
};

/** Checks what follows for each candidate; gives what `follow` makes of each, by id. */
export const forEachContender = <T>(
  context: Context,
  contenders: Contenders,
  follow: (fork: Context) => T,
): ReadonlyMap<number, T> => {
  const made = contenders.set.list.map((candidate) => {
    const fork = forkOf(context, contenders, candidate);
    const followed = follow(fork);
    return { candidate, followed, diagnostics: fork.report.diagnostics };
  });
  pass(context, contenders, together(made));
  return new Map(made.map(({ candidate, followed }) => [candidate.id, followed]));
};
