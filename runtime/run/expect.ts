/** Expectations: what must hold of the measures taken in this run. */
import type { ExpectStage } from "../../compiler/plan.js";
import { evaluateScalar } from "../scalar.js";

export interface Verdict {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly holds: boolean;
}

const holds = (
  left: number,
  relation: ExpectStage["conditions"][number]["relation"],
  right: number,
): boolean => {
  switch (relation) {
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    default:
      return relation satisfies never;
  }
};

/** Judges each condition over measures named as in the spec, e.g. "params(healed)"; NaN never holds. */
export const judge = (
  stage: ExpectStage,
  measures: Readonly<Record<string, number>>,
): readonly Verdict[] =>
  stage.conditions.map(({ text, left, relation, right }) => {
    const values = [evaluateScalar(left, measures), evaluateScalar(right, measures)] as const;
    return {
      text,
      left: values[0],
      right: values[1],
      holds: holds(values[0], relation, values[1]),
    };
  });
