/**
 * What functions of the library gave. They have no effects and nodes are hash-consed, so that the same function of the
 * same values among the same axes gives the same again: all layers share what is made of sizes and config.json alone.
 */
import type { DefinitionDecl } from "../../grammar/ast.js";
import type { Builder } from "../ir/build.js";
import { axesKey, numberKey } from "../ir/key.js";
import type { Axis } from "../ir/tensor.js";
import type { Environment } from "./environment.js";
import type { Value } from "./value.js";

const numbers = new WeakMap<object, number>();
let count = 0;

/** A number that stands for an object and no other. */
const numberOf = (object: object): number => {
  const known = numbers.get(object);
  if (known !== undefined) return known;
  numbers.set(object, ++count);
  return count;
};

const scopeKeys = new WeakMap<ReadonlyMap<string, Axis>, string>();

/** Scopes share their maps of axes, but where a value brings a new one. */
const scopeKey = (axes: ReadonlyMap<string, Axis>): string => {
  const known = scopeKeys.get(axes);
  if (known !== undefined) return known;
  const key = axesKey([...axes.values()]);
  scopeKeys.set(axes, key);
  return key;
};

/** Null for what nothing is made of. */
const valueKey = (value: Value): string | null => {
  switch (value.kind) {
    case "tensor":
      return `t${value.node.id}`;
    case "number":
      return `n${numberKey(value.value)}`;
    case "text":
      return JSON.stringify(value.value);
    case "null":
      return "null";
    case "indices":
      return `i${value.input.id} ${value.of}`;
    case "list":
    case "record":
      return `o${numberOf(value)}`;
    case "function":
      return `f${numberOf(value.definition.decl)}`;
    case "builtin":
      return value.name;
    case "undecided":
    case "broken":
      return null;
    default:
      return value satisfies never;
  }
};

/** What tells this application from others in one builder; null where it cannot be told. */
const applicationKey = (
  { library, active, axes, axisParameters }: Environment,
  decl: DefinitionDecl,
  values: readonly Value[],
): string | null => {
  let key = `${numberOf(library)} ${numberOf(decl)} ${scopeKey(axes)}`;
  // What is being evaluated may not be applied again within it.
  for (const outer of active) key += ` ${numberOf(outer)}`;
  for (const name of decl.axes) key += ` [${axisParameters.get(name.name)}]`;
  for (const value of values) {
    const own = valueKey(value);
    if (own === null) return null;
    key += ` ${own}`;
  }
  return key;
};

const known = new WeakMap<Builder, Map<string, Value>>();

/** The value of a definition's body for these arguments, evaluated once; `env` is the body's before its arguments. */
export const applied = (
  env: Environment,
  decl: DefinitionDecl,
  values: readonly Value[],
  evaluate: () => Value,
): Value => {
  const key = applicationKey(env, decl, values);
  if (key === null) return evaluate();
  const own = known.get(env.builder) ?? new Map<string, Value>();
  known.set(env.builder, own);
  const before = own.get(key);
  if (before !== undefined) return before;
  const value = evaluate();
  own.set(key, value);
  return value;
};
