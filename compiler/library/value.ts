/** What library expressions evaluate to. */
import type { DefinitionDecl } from "../../grammar/ast.js";
import type { Axis, Input, Node } from "../ir/tensor.js";
import type { Located } from "./library.js";

export type Value =
  | { readonly kind: "tensor"; readonly node: Node }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "null" }
  /** Integers that index an axis: tokens, labels; null where the axis follows from what is indexed. */
  | { readonly kind: "indices"; readonly input: Input; readonly of: string | null }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | { readonly kind: "record"; readonly members: ReadonlyMap<string, Value> }
  | { readonly kind: "function"; readonly definition: Located<DefinitionDecl> }
  | { readonly kind: "builtin"; readonly name: string }
  /** The entry of a layer in a list of config.json, where only the run decides which layers stay. */
  | { readonly kind: "undecided"; readonly key: string }
  /** What a mistake was made in that has been said. */
  | { readonly kind: "broken" };

export const NULL: Value = { kind: "null" };
export const BROKEN: Value = { kind: "broken" };
export const numberValue = (value: number): Value => ({ kind: "number", value });
export const tensorValue = (node: Node): Value => ({ kind: "tensor", node });

/** A value of config.json. */
export const fromJson = (json: unknown): Value => {
  switch (typeof json) {
    case "number":
      return numberValue(json);
    case "boolean":
      return numberValue(json ? 1 : 0);
    case "string":
      return { kind: "text", value: json };
    case "object":
      if (json === null) return NULL;
      if (Array.isArray(json)) return { kind: "list", items: json.map(fromJson) };
      return {
        kind: "record",
        members: new Map(Object.entries(json).map(([key, inner]) => [key, fromJson(inner)])),
      };
    default:
      return NULL;
  }
};

/** Whether a condition holds: all but nothing and 0. */
export const isTrue = (value: Value): boolean =>
  value.kind !== "null" && !(value.kind === "number" && value.value === 0);

/** A value as config.json holds it; what it cannot hold is null there. */
export const toJson = (value: Value): unknown => {
  switch (value.kind) {
    case "number":
    case "text":
      return value.value;
    case "list":
      return value.items.map(toJson);
    case "record":
      return Object.fromEntries([...value.members].map(([key, inner]) => [key, toJson(inner)]));
    case "tensor":
    case "null":
    case "indices":
    case "function":
    case "builtin":
    case "undecided":
    case "broken":
      return null;
    default:
      return value satisfies never;
  }
};

export const axesText = (axes: readonly Axis[]): string =>
  `[${axes.map((axis) => axis.name).join(", ")}]`;

/** What a value is, for people. */
export const describeValue = (value: Value): string => {
  switch (value.kind) {
    case "tensor":
      return `a tensor over ${axesText(value.node.axes)}`;
    case "number":
      return `the number ${value.value}`;
    case "text":
      return `the text "${value.value}"`;
    case "null":
      return "nothing";
    case "indices":
      return "indices";
    case "list":
      return "a list";
    case "record":
      return "a group of values";
    case "function":
    case "builtin":
      return "a function";
    case "undecided":
      return "what only the run decides";
    case "broken":
      return "a mistake";
    default:
      return value satisfies never;
  }
};
