/**
 * The settings of each stage: names, types, defaults. One table, so that one reader reports whatever is unknown,
 * missing, said twice or of the wrong kind, in every stage alike.
 */
import type {
  CallExpr,
  Expr,
  Name,
  StageDecl,
  StageKeyword,
  Statement,
} from "../../grammar/ast.js";
import type { Span } from "../../grammar/span.js";
import { nearest } from "../../grammar/suggest.js";
import type { Arithmetic } from "../../kernels/operand.js";
import { evaluate } from "./constant.js";
import { type Context, excerpt, say, stageName } from "./context.js";
import { type Quantity, type UnitKind, unitLabel, unitNames } from "./units.js";

interface Common {
  /** A setting without default must be given. */
  readonly optional: boolean;
  readonly example: string;
}
interface QuantitySetting extends Common {
  readonly kind: "quantity";
  readonly units: readonly UnitKind[];
  /** A word before the quantity, as in `checkpoint every 50 steps`. */
  readonly after?: string;
}
interface WordSetting extends Common {
  readonly kind: "word";
  readonly choices: readonly string[];
}
interface ExpressionSetting extends Common {
  readonly kind: "expression";
}
export type Setting = QuantitySetting | WordSetting | ExpressionSetting;

const TAKE = {
  kind: "quantity",
  units: ["windows"],
  optional: true,
  example: "take 64 windows",
} as const;

const ARITHMETIC = {
  kind: "word",
  choices: ["f32", "f16"],
  optional: true,
  example: "arithmetic f16",
} as const;

export const SETTINGS: Readonly<Record<StageKeyword, Readonly<Record<string, Setting>>>> = {
  model: {},
  data: {
    window: {
      kind: "quantity",
      units: ["number", "tokens"],
      optional: false,
      example: "window 256",
    },
    take: TAKE,
    prompt: {
      kind: "expression",
      optional: true,
      example: 'prompt "Question: {question}\\nAnswer:"',
    },
    choices: { kind: "expression", optional: true, example: 'choices "choices"' },
    answer: { kind: "expression", optional: true, example: 'answer "answer"' },
    labels: { kind: "expression", optional: true, example: 'labels "choices.label"' },
    blank: { kind: "expression", optional: true, example: 'blank "_"' },
    shots: { kind: "quantity", units: ["number"], optional: true, example: "shots 2" },
    field: { kind: "expression", optional: true, example: 'field "text"' },
    documents: {
      kind: "word",
      choices: ["joined", "apart"],
      optional: true,
      example: "documents apart",
    },
  },
  score: { take: TAKE, arithmetic: ARITHMETIC },
  search: {
    within: { kind: "expression", optional: true, example: "within params == 4B params ± 5%" },
    keep: { kind: "expression", optional: true, example: "keep 6" },
  },
  prune: {
    rounds: { kind: "quantity", units: ["number"], optional: true, example: "rounds 4" },
  },
  distill: {
    loss: { kind: "expression", optional: false, example: "loss EXPRESSION" },
    stop: {
      kind: "quantity",
      units: ["tokens", "steps"],
      optional: false,
      example: "stop 100 steps",
    },
    batch: { kind: "quantity", units: ["windows"], optional: false, example: "batch 4 windows" },
    optimizer: { kind: "expression", optional: true, example: "optimizer adamw(decay: 0.1)" },
    rate: { kind: "expression", optional: false, example: "rate SCHEDULE" },
    checkpoint: {
      kind: "quantity",
      units: ["steps"],
      after: "every",
      optional: true,
      example: "checkpoint every 50 steps",
    },
    cache_logits: {
      kind: "quantity",
      units: ["number"],
      after: "top",
      optional: true,
      example: "cache_logits top 64",
    },
    early_stop: {
      kind: "quantity",
      units: ["steps"],
      after: "every",
      optional: true,
      example: "early_stop every 20 steps",
    },
    arithmetic: ARITHMETIC,
  },
  evaluate: { arithmetic: ARITHMETIC },
  export: {
    format: {
      kind: "word",
      choices: ["safetensors", "gguf"],
      optional: true,
      example: "format gguf",
    },
    dtype: {
      kind: "word",
      choices: ["f32", "f16", "bf16", "q8_0"],
      optional: true,
      example: "dtype bf16",
    },
  },
};

/** `stop` takes tokens or steps: how a setting is called to whoever wrote it. */
const unitsTaken = (units: readonly UnitKind[]): string => units.map(unitLabel).join(" or ");

export interface Settings {
  /** Whether every required setting is there. */
  readonly complete: boolean;
  has(name: string): boolean;
  /** A whole positive quantity; null where it is absent or wrong (which was reported). */
  quantity(name: string): (Quantity & { readonly span: Span }) | null;
  word(name: string): string | null;
  expression(name: string): Expr | null;
}

/** A quantity that must be whole and at least one, of one of these units. */
export const wholeQuantity = (
  context: Context,
  expr: Expr,
  what: string,
  units: readonly UnitKind[],
): Quantity | null => {
  const value = evaluate(context, expr, context.file);
  if (value === null) return null;
  if (typeof value === "string" || !units.includes(value.unit)) {
    const found = typeof value === "string" ? "a text" : unitLabel(value.unit);
    const isBare = typeof value !== "string" && value.unit === "number";
    const write = units.map((unit) => `${excerpt(context, expr.span)} ${unitLabel(unit)}`);
    say(context, "unit-mismatch", expr.span, {
      what,
      takes: unitsTaken(units),
      found,
      ...(isBare ? { write } : {}),
    });
    return null;
  }
  if (Number.isSafeInteger(value.value) && value.value >= 1) return value;
  const takes = "a whole number of at least 1";
  say(context, "value-range", expr.span, { what, takes, found: excerpt(context, expr.span) });
  return null;
};

/** The one expression a setting's line must hold, after its word if it has one. */
const onlyItem = (context: Context, statement: Statement, setting: Setting): Expr | null => {
  const name = statement.heads[0]?.name ?? "";
  const [first] = statement.items;
  const after = setting.kind === "quantity" ? setting.after : undefined;
  const worded = after !== undefined && first?.kind === "name" && first.name === after;
  const items = worded ? statement.items.slice(1) : statement.items;
  const [item] = items;
  if (item !== undefined && items.length === 1 && statement.heads.length === 1) return item;
  const [amount, unit] = items;
  if (setting.kind === "quantity" && amount?.kind === "number" && unit?.kind === "name") {
    const near = nearest(unit.name, unitNames);
    const last = items.length === 2;
    say(context, "unknown-unit", unit.span, { unit: unit.name, near, known: unitNames, last });
    return null;
  }
  const takes = setting.kind === "word" ? "one word" : "one value";
  say(context, "setting-form", statement.span, { name, takes, example: setting.example });
  return null;
};

const readWord = (context: Context, item: Expr, name: string, setting: WordSetting) => {
  if (item.kind === "name" && setting.choices.includes(item.name)) return item.name;
  const found = item.kind === "name" ? item.name : excerpt(context, item.span);
  const near = nearest(found, setting.choices);
  say(context, "setting-choice", item.span, { name, found, known: setting.choices, near });
  return null;
};

/** Statements of settings by name; reports unknown names and repetitions. */
const collect = (
  context: Context,
  stage: StageDecl,
  statements: readonly Statement[],
  table: Readonly<Record<string, Setting>>,
): Map<string, Statement> => {
  const found = new Map<string, Statement>();
  for (const statement of statements)
    for (const head of statement.heads) {
      if (!Object.hasOwn(table, head.name)) {
        reportUnknown(context, stage, head, Object.keys(table));
      } else if (found.has(head.name)) {
        say(context, "duplicate-setting", head.span, { name: head.name });
      } else found.set(head.name, statement);
    }
  return found;
};

const reportUnknown = (
  context: Context,
  stage: StageDecl,
  head: Name,
  known: readonly string[],
): void => {
  const near = nearest(head.name, known);
  const parameters = { name: head.name, stage: stage.keyword, near, known };
  const fix = near === null ? {} : { fix: { span: head.span, replacement: near } };
  say(context, "unknown-setting", head.span, parameters, fix);
};

/** Reads the settings of a stage from those of its statements that are not its own (axes, metrics); `without` some. */
export const readSettings = (
  context: Context,
  stage: StageDecl,
  statements: readonly Statement[],
  without: readonly string[] = [],
): Settings => {
  const table: Readonly<Record<string, Setting>> = Object.fromEntries(
    Object.entries(SETTINGS[stage.keyword]).filter(([name]) => !without.includes(name)),
  );
  const found = collect(context, stage, statements, table);
  const missing = Object.entries(table).filter(([name, s]) => !s.optional && !found.has(name));
  // A missing setting that is there misspelt was reported already.
  const misspelt = new Set(
    statements
      .flatMap((s) => s.heads.map((h) => h.name))
      .filter((name) => !Object.hasOwn(table, name))
      .map((name) => nearest(name, Object.keys(table))),
  );
  for (const [name, setting] of missing.filter(([name]) => !misspelt.has(name)))
    say(context, "missing-setting", stage.names[0]?.span ?? stage.keywordSpan, {
      name,
      stage: stageName(stage),
      example: setting.example,
    });
  const item = <K extends Setting["kind"]>(name: string, kind: K) => {
    const statement = found.get(name);
    const setting = table[name];
    if (statement === undefined || setting === undefined || setting.kind !== kind) return null;
    const expr = onlyItem(context, statement, setting);
    return expr === null ? null : { expr, setting: setting as Extract<Setting, { kind: K }> };
  };
  return {
    complete: missing.length === 0,
    has: (name) => found.has(name),
    quantity: (name) => {
      const read = item(name, "quantity");
      if (read === null) return null;
      const value = wholeQuantity(context, read.expr, `\`${name}\``, read.setting.units);
      return value === null ? null : { ...value, span: read.expr.span };
    },
    word: (name) => {
      const read = item(name, "word");
      return read === null ? null : readWord(context, read.expr, name, read.setting);
    },
    expression: (name) => item(name, "expression")?.expr ?? null,
  };
};

/** What products with weights that nothing trains are computed in; f32 where it is not set. */
export const arithmeticSetting = (settings: Settings): Arithmetic =>
  settings.word("arithmetic") === "f16" ? "f16" : "f32";

/** A setting that holds a text, or null after saying what is wrong; `usual` where it is not set. */
export const textSetting = <D extends string | null>(
  context: Context,
  settings: Settings,
  name: string,
  usual: D,
): string | D | null => {
  if (!settings.has(name)) return usual;
  const expr = settings.expression(name);
  const value = expr === null ? null : evaluate(context, expr, context.file);
  if (typeof value === "string" && value !== "") return value;
  const { example } = SETTINGS.data[name] ?? { example: name };
  if (expr !== null && value !== null)
    say(context, "setting-form", expr.span, { name, takes: "one text in quotes", example });
  return null;
};

/** A setting that holds a text or a list of texts; null after saying what is wrong, `usual` where it is not set. */
export const textsSetting = <D extends string | null>(
  context: Context,
  settings: Settings,
  name: string,
  usual: D,
): string | readonly string[] | D | null => {
  const expr = settings.has(name) ? settings.expression(name) : null;
  if (expr?.kind !== "list") return textSetting(context, settings, name, usual);
  const values = expr.items.map((item) => evaluate(context, item, context.file));
  const texts = values.filter((value) => typeof value === "string" && value !== "");
  if (texts.length === values.length && texts.length > 0) return texts as readonly string[];
  const { example } = SETTINGS.data[name] ?? { example: name };
  if (!values.includes(null))
    say(context, "setting-form", expr.span, { name, takes: "texts in quotes", example });
  return null;
};

/** The only text argument of a source such as `open("folder")`, or null after saying what is wrong. */
export const textArgument = (context: Context, call: CallExpr, example: string) => {
  const [argument] = call.args;
  if (argument !== undefined && call.args.length === 1 && argument.name === null) {
    const value = evaluate(context, argument.value, context.file);
    if (value === null) return null;
    if (typeof value === "string" && value !== "") return { value, span: argument.value.span };
  }
  const name = call.callee.kind === "name" ? call.callee.name : excerpt(context, call.callee.span);
  say(context, "setting-form", call.span, { name, takes: "one text in quotes", example });
  return null;
};
