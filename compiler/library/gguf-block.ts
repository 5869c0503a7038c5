/** The lines of an architecture's `gguf` block, as reading and writing both look at them. */
import type {
  ArchitectureDecl,
  GgufItem,
  GgufKeyItem,
  RequireItem,
  SourceFile,
} from "../../grammar/ast.js";
import { Builder } from "../ir/build.js";
import type { ConfigPlace } from "./architecture.js";
import { evaluate } from "./elaborate.js";
import { type Environment, withValues } from "./environment.js";
import { configEnvironment } from "./forward.js";
import type { ModelShape } from "./library.js";
import { namesIn } from "./live.js";
import { mistake } from "./report.js";
import { keyOf } from "./resize.js";
import { NULL, numberValue } from "./value.js";

/** The key of every file that names what its other keys are of. */
export const ARCHITECTURE = "general.architecture";

export const ggufItem = (decl: ArchitectureDecl): GgufItem | undefined =>
  decl.items.find((item): item is GgufItem => item.kind === "gguf");

/** The key of config.json that a line holds, or null for one that is only written. */
export const configKey = (decl: ArchitectureDecl, item: GgufKeyItem): string | null => {
  const key = keyOf(item.value);
  const isAxis = decl.items.some((other) => other.kind === "axis" && other.name.name === key);
  return isAxis ? null : key;
};

export const pathOf = (item: GgufKeyItem): string => item.path.map(({ name }) => name).join(".");

export const blockOf = ({ architecture }: ModelShape, place: ConfigPlace): GgufItem =>
  ggufItem(architecture.decl) ??
  mistake("wrong-arguments", place, place.span, {
    reason: `\`${architecture.decl.name.name}\` does not say how GGUF spells it: it has no \`gguf\` block`,
  });

/** Keys of config.json, those that the block names and it has not among them, and sizes of axes under their names. */
export const blockEnvironment = (shape: ModelShape, block: GgufItem): Environment => {
  const env = configEnvironment(shape.library, new Builder(), shape);
  const missing = namesIn(block).filter((name) => !env.values.has(name));
  return withValues(env, [
    ...missing.map((name) => [name, NULL] as const),
    ...shape.axes.map(({ name, size }) => [name, numberValue(size)] as const),
  ]);
};

/** Says so where a requirement does not hold; `model` is what does not cover it. */
export const mustHold = (
  env: Environment,
  { condition, reason }: RequireItem,
  file: SourceFile,
  place: ConfigPlace,
  model: string,
): void => {
  const value = evaluate(env, condition);
  if (value.kind === "number" && value.value !== 0) return;
  const requirement = file.text.slice(condition.span.start, condition.span.end);
  mistake("config-unsupported", place, place.span, {
    model,
    requirement,
    reason: reason?.value ?? null,
  });
};
