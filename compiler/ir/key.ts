/** Text keys that tell nodes apart while they are interned: an operation, its fields, its operands' ids. */
import type { AttentionRule, Axis, Node } from "./tensor.js";

/** Axis names are identifiers of the language, so neither ":" nor "," occurs in them. */
export const axesKey = (axes: readonly Axis[]): string => {
  let key = "";
  for (let at = 0; at < axes.length; at++) key += `${axes[at]?.name}:${axes[at]?.size},`;
  return key;
};

/** Tells -0 from 0; NaN and the infinities have their own names. */
export const numberKey = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

const limitKey = (limit: number | null): string => (limit === null ? "" : numberKey(limit));

export const ruleKey = ({ position, dim, scale, cap, within }: AttentionRule): string =>
  `${numberKey(scale)} ${position} ${dim} ${limitKey(cap)} ${limitKey(within)}`;

export const idsKey = (nodes: readonly Node[]): string => {
  let key = "";
  for (let at = 0; at < nodes.length; at++) key += `${nodes[at]?.id},`;
  return key;
};
