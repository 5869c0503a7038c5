/** How schedules with tiles in workgroup memory fetch strips of the operands: both dimensions clamped, in fours or at any size. */
import { type Layout, type OperandTypes, readFrom } from "./matmul-params.js";
import { range } from "./tile.js";

export const XYZW = "xyzw";

export interface Strip {
  readonly operand: "a" | "b";
  /** Its axis along C, and of how many. */
  readonly axis: "row" | "col";
  readonly count: "m" | "n";
  /** Whether rows of the operand in memory run along k. */
  readonly alongK: boolean;
}

export const stripsOf = (layout: Layout): readonly [Strip, Strip] => [
  { operand: "a", axis: "row", count: "m", alongK: layout !== "tn" },
  { operand: "b", axis: "col", count: "n", alongK: layout === "nt" },
];

/** Operands as they are stored: what strips hold is rounded as it is put there. */
export const storedTypes = ({ a, b }: OperandTypes): OperandTypes => ({ a, b });

/** Where the operands and the result begin for the workgroup's `batch`. */
export const BASES = [
  "let baseA = p.offA + batch * p.stepA;",
  "let baseB = p.offB + batch * p.stepB;",
  "let baseC = p.offC + batch * p.stepC;",
] as const;

/** Along k in steps of a strip's depth: all fetch both strips, then each multiplies what it owns. */
export const alongStrips = (
  end: string,
  depth: number,
  fetch: readonly string[],
  multiply: readonly string[],
): string[] => [
  `for (var step = 0u; step < ${end}; step += ${depth}u) {`,
  ...[...fetch, "workgroupBarrier();", ...multiply, "workgroupBarrier();"].map(
    (line) => `  ${line}`,
  ),
  "}",
];

/** Where element [k, along] of the operand lies. */
const address = ({ operand, alongK }: Strip, along: string, k: string): string => {
  const upper = operand.toUpperCase();
  return alongK
    ? `base${upper} + (${along}) * p.ld${operand} + ${k}`
    : `base${upper} + (${k}) * p.ld${operand} + ${along}`;
};

/** Four elements of an operand from [k, along] on, along its rows, the last of them again past the end. */
export const four = (
  { packed, types }: { readonly packed: boolean; readonly types: OperandTypes },
  strip: Strip,
  [along, k]: readonly [string, string],
): string => {
  const { operand, alongK, count } = strip;
  const size = alongK ? "p.k" : `p.${count}`;
  const at = (from: string): string =>
    alongK ? address(strip, along, from) : address(strip, from, k);
  const first = alongK ? k : along;
  const read = readFrom(storedTypes(types), packed);
  return packed
    ? read(operand, `(${at(`min(${first}, ${size} - 4u)`)}) / 4u`)
    : `vec4<f32>(${range(4)
        .map((q) => read(operand, at(`min(${first} + ${q}u, ${size} - 1u)`)))
        .join(", ")})`;
};
