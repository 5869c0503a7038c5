/**
 * Names and calls of a definition, looked at without any value: all that are unknown, and all whose arguments do not fit.
 */
import type {
  ArchitectureDecl,
  BodyLine,
  CallExpr,
  DefinitionDecl,
  Expr,
  Name,
  SourceFile,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { nearest } from "../../grammar/suggest.js";
import { builtins } from "../library/builtins.js";
import { CHOICE_VARIABLES, judgesChoices } from "../library/choice-metric.js";
import { bindAxes, functionNamed, matchArguments } from "../library/elaborate.js";
import type { Library, Located } from "../library/library.js";
import { diagnose, outcome } from "../library/report.js";

/** What an expression is made of, outermost first; axes are not among the names. */
export interface Parts {
  readonly names: Name[];
  readonly calls: CallExpr[];
}

/** Builtins whose arguments are axes. */
const OF_AXES: ReadonlySet<string> = new Set(["size", "index"]);

const add = (parts: Parts, expr: Expr): void => {
  const inner = (...all: readonly (Expr | null)[]): void => {
    for (const one of all) if (one !== null) add(parts, one);
  };
  switch (expr.kind) {
    case "name":
      parts.names.push(expr);
      return;
    case "number":
    case "quantity":
    case "string":
      return;
    case "list":
      inner(...expr.items);
      return;
    case "member":
      inner(expr.target);
      return;
    case "index":
      inner(expr.target, expr.index);
      return;
    case "call":
      parts.calls.push(expr);
      if (expr.callee.kind === "member" || !OF_AXES.has(expr.callee.name))
        inner(...expr.args.map(({ value }) => value));
      return;
    case "unary":
      inner(expr.operand);
      return;
    case "binary":
      inner(expr.left, expr.right);
      return;
    case "arrow":
      inner(expr.from, expr.to);
      return;
    case "range":
      inner(expr.from, expr.to, expr.step);
      return;
    default:
      expr satisfies never;
  }
};

export const partsOf = (exprs: readonly Expr[]): Parts => {
  const parts: Parts = { names: [], calls: [] };
  for (const expr of exprs) add(parts, expr);
  return parts;
};

/** Expressions on lines of a body, those within `each` too. */
export const expressionsOn = (lines: readonly BodyLine[]): readonly Expr[] =>
  lines.flatMap((line): readonly Expr[] => {
    switch (line.kind) {
      case "assign":
      case "state":
        return [line.value];
      case "tap":
        return line.values;
      case "require":
        return [line.condition];
      case "each":
        return expressionsOn(line.lines);
      default:
        return line satisfies never;
    }
  });

/** Names that lines give a value. */
export const assignedOn = (lines: readonly BodyLine[]): readonly string[] =>
  lines.flatMap((line) => {
    if (line.kind === "assign") return [line.name.name];
    return line.kind === "each" ? assignedOn(line.lines) : [];
  });

/** What a definition sees without naming it. */
const surroundings = ({ keyword, subject }: DefinitionDecl): readonly string[] => {
  switch (keyword) {
    case "loss":
      return ["student", "teacher", "labels"];
    case "metric":
      return subject?.of === "choice" || subject?.of === "answer"
        ? CHOICE_VARIABLES
        : ["model", "labels"];
    case "criterion":
      return ["model", "labels", "seed", "layer"];
    case "schedule":
      return ["step", "steps"];
    case "function":
    case "fold":
      return [];
    default:
      return keyword satisfies never;
  }
};

const CONSTANTS = ["null", "true", "false"];

interface Scope {
  readonly library: Library;
  readonly file: SourceFile;
  /** Names that stand for values. */
  readonly values: ReadonlySet<string>;
  /** Axis parameters, each of which may stand for several axes. */
  readonly axes: ReadonlySet<string>;
}

const isKnown = ({ library, file, values }: Scope, name: string): boolean =>
  values.has(name) || builtins.has(name) || functionNamed(library, file, name) !== undefined;

/** Metrics of choices, which criteria of questions name. */
const measured = (library: Library): readonly string[] =>
  [...library.definitions.metric].flatMap(([name, metric]) =>
    judgesChoices(metric) ? [name] : [],
  );

const unknown = (scope: Scope, { name, span }: Name): Diagnostic => {
  const { library, file, values } = scope;
  const own = library.privates.get(file.path)?.keys() ?? [];
  const known = [...values, ...own, ...library.definitions.function.keys(), ...builtins];
  return diagnose("unknown-in-library", file, span, { name, near: nearest(name, known) });
};

/** What is wrong with the arguments of a call of a library's function. */
const ofCall = (scope: Scope, call: CallExpr): readonly Diagnostic[] => {
  const { library, file, values, axes } = scope;
  if (call.callee.kind === "member" || values.has(call.callee.name)) return [];
  const definition = functionNamed(library, file, call.callee.name);
  if (definition === undefined)
    return builtins.has(call.callee.name) ? [] : [unknown(scope, call.callee)];
  const named = call.axes.length === 0 ? null : call.axes.map(({ name }) => name);
  const checked = outcome(() => {
    matchArguments(file, definition.decl, call.args, call.span);
    if (named?.some((name) => axes.has(name)) !== true)
      bindAxes(file, definition.decl, named, call.span);
  });
  return checked.ok ? [] : checked.diagnostics;
};

/** What is wrong with the names and calls of a criterion, loss, function and the like. */
export const wrongNames = (
  library: Library,
  { file, decl }: Located<DefinitionDecl>,
): readonly Diagnostic[] => {
  const { parameters, subject, body } = decl;
  const values = new Set([
    ...CONSTANTS,
    ...surroundings(decl),
    ...parameters.flatMap(({ name, arrowTo }) => [name.name, arrowTo?.name ?? name.name]),
    ...(subject?.names ?? []).map(({ name }) => name),
    ...(subject?.weight ? [subject.weight.name] : []),
    ...assignedOn(body.lines),
    ...(decl.keyword === "criterion" ? measured(library) : []),
  ]);
  const axes = new Set(decl.axes.map(({ name }) => name));
  const scope: Scope = { library, file, values, axes };
  const fallbacks = parameters.flatMap(({ fallback }) => (fallback === null ? [] : [fallback]));
  const result = body.result === null ? [] : [body.result];
  const { names, calls } = partsOf([...fallbacks, ...expressionsOn(body.lines), ...result]);
  return [
    ...names.filter(({ name }) => !isKnown(scope, name)).map((name) => unknown(scope, name)),
    ...calls.flatMap((call) => ofCall(scope, call)),
  ];
};

/** Values that a forward pass has of its own: weights, tokens, and what it assigns. */
export const localsOf = (decl: ArchitectureDecl): readonly string[] =>
  decl.items.flatMap((item): readonly string[] => {
    switch (item.kind) {
      case "weight":
        return item.names.map(({ name }) => name);
      case "each-item":
        return [
          item.axis.name,
          ...item.items.flatMap((inner) =>
            inner.kind === "weight" ? inner.names.map(({ name }) => name) : [inner.key.name],
          ),
        ];
      case "forward":
        return [...item.parameters.map(({ name }) => name.name), ...assignedOn(item.body.lines)];
      default:
        return [];
    }
  });

/** Calls in an architecture of what is no function, or with arguments that do not fit. */
export const wrongCalls = (
  library: Library,
  { file, decl }: Located<ArchitectureDecl>,
): readonly Diagnostic[] => {
  const scope: Scope = { library, file, values: new Set(localsOf(decl)), axes: new Set() };
  const expressions = decl.items.flatMap((item): readonly Expr[] => {
    if (item.kind === "axis") return [item.value, ...(item.pairs?.share ? [item.pairs.share] : [])];
    if (item.kind === "config" || item.kind === "cut") return [item.value];
    if (item.kind === "require") return [item.condition];
    return item.kind === "forward" ? expressionsOn(item.body.lines) : [];
  });
  return partsOf(expressions).calls.flatMap((call) => ofCall(scope, call));
};

/** Expressions of an architecture in which a name may be a key of config.json, but for its `config` lines. */
const readElsewhere = ({ items }: ArchitectureDecl): readonly Expr[] =>
  items.flatMap((item): readonly Expr[] => {
    if (item.kind === "axis") return [item.value];
    if (item.kind === "require") return [item.condition];
    return item.kind === "forward" ? expressionsOn(item.body.lines) : [];
  });

/**
 * Names in `config` lines that are nearly those of an axis, and that nothing else reads as a key: as a key that is not there
 * they would leave the line out.
 */
export const wrongInConfig = (
  library: Library,
  { file, decl }: Located<ArchitectureDecl>,
): readonly Diagnostic[] => {
  const axes = decl.items.flatMap((item) => (item.kind === "axis" ? [item.name.name] : []));
  const keys = partsOf(readElsewhere(decl)).names.map(({ name }) => name);
  const values = new Set([...CONSTANTS, ...axes, ...keys]);
  const scope: Scope = { library, file, values, axes: new Set() };
  const written = decl.items.flatMap((item) => (item.kind === "config" ? [item.value] : []));
  return partsOf(written).names.flatMap(({ name, span }) => {
    const near = isKnown(scope, name) ? null : nearest(name, axes);
    return near === null ? [] : [diagnose("unknown-in-library", file, span, { name, near })];
  });
};
