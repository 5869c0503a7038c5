/**
 * How schedules with tiles in workgroup memory go along k. Strips of both operands, `depth` of k wide, come by way of
 * registers: while a strip is multiplied the next one is on its way from memory, which on a GPU takes as long as hundreds
 * of multiply-adds. Both dimensions are clamped, and read in eights, in fours or at any size.
 */
import { type Layout, type OperandTypes, readFrom } from "./matmul-params.js";
import { range } from "./tile.js";
import { block, indented, when } from "./wgsl-block.js";

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

/** Tiles of so many rows are taken together, column by column, so that what they read stays in a GPU's cache. */
const TOGETHER = 8;

/**
 * Which tile of C, of `rows` × `columns`, a workgroup owns (`row`, `col`, and its `batch`), and where the operands and the
 * result begin; `left`: whether there is a tile for it.
 */
export const ownedTile = (rows: string, columns: string): string[] => [
  `let tilesM = (p.m + ${rows} - 1u) / ${rows};`,
  `let tilesN = (p.n + ${columns} - 1u) / ${columns};`,
  "let id = w.x + w.y * 65535u;",
  "let left = id < p.batch * tilesM * tilesN;",
  "let batch = min(id / (tilesM * tilesN), p.batch - 1u);",
  "let place = select(0u, id - batch * tilesM * tilesN, left);",
  `let band = ${TOGETHER}u * (place / (${TOGETHER}u * tilesN));`,
  `let inBand = place - band * tilesN;`,
  `let high = min(${TOGETHER}u, tilesM - band);`,
  `let row = (band + inBand % high) * ${rows};`,
  `let col = (inBand / high) * ${columns};`,
  "let baseA = p.offA + batch * p.stepA;",
  "let baseB = p.offB + batch * p.stepB;",
  "let baseC = p.offC + batch * p.stepC;",
];

/** A strip on its way, from `k` on: an invocation's share of it in registers, from memory and into workgroup memory. */
export interface Fetch {
  readonly declare: readonly string[];
  readonly load: readonly string[];
  readonly store: readonly string[];
}

export interface Strips {
  /** Where k ends. */
  readonly end: string;
  readonly depth: number;
  readonly fetches: readonly Fetch[];
  readonly multiply: readonly string[];
}

/** Along k in steps of a strip's depth: all fetch both strips, then each multiplies what it owns. */
export const alongStrips = ({ end, depth, fetches, multiply }: Strips): string[] => [
  ...fetches.flatMap(({ declare }) => declare),
  ...block("let k = 0u;", ...fetches.flatMap(({ load }) => load)),
  `for (var step = 0u; step < ${end}; step += ${depth}u) {`,
  ...indented([
    ...fetches.flatMap(({ store }) => store),
    "workgroupBarrier();",
    ...block(`let k = step + ${depth}u;`, ...fetches.flatMap(({ load }) => load)),
    ...multiply,
    "workgroupBarrier();",
  ]),
  "}",
];

export interface StripsAhead extends Omit<Strips, "fetches"> {
  /** Whether k ends where strips of all sets do. */
  readonly whole: boolean;
  /** Of every set of registers: as many strips of each operand are on their way. */
  readonly sets: readonly (readonly Fetch[])[];
}

/**
 * The same with several strips on their way, as the first to touch one waits for memory beyond the GPU's caches. A load is
 * within a branch: without one NVIDIA's compiler moves it behind the multiplications, where it is waited for at once.
 */
export const alongStripsAhead = ({ end, depth, whole, sets, multiply }: StripsAhead): string[] => {
  const loadAt = (from: string, fetches: readonly Fetch[]): string[] =>
    when(`${from} < ${end}`, [`let k = ${from};`, ...fetches.flatMap(({ load }) => load)]);
  const strip = (fetches: readonly Fetch[], at: number): string[] => {
    const lines = [
      ...block(`let k = step + ${at * depth}u;`, ...fetches.flatMap(({ store }) => store)),
      "workgroupBarrier();",
      ...loadAt(`step + ${(at + sets.length) * depth}u`, fetches),
      ...block(...multiply),
      "workgroupBarrier();",
    ];
    return whole || at === 0 ? lines : when(`step + ${at * depth}u < ${end}`, lines);
  };
  return [
    ...sets.flatMap((fetches) => fetches.flatMap(({ declare }) => declare)),
    ...sets.flatMap((fetches, at) => loadAt(`${at * depth}u`, fetches)),
    `for (var step = 0u; step < ${end}; step += ${sets.length * depth}u) {`,
    ...indented(sets.flatMap(strip)),
    "}",
  ];
};

/** Where element [k, along] of the operand lies. */
export const address = (
  { operand, alongK }: Strip,
  [along, k]: readonly [string, string],
): string => {
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
  const at = (from: string): string => address(strip, alongK ? [along, from] : [from, k]);
  const first = alongK ? k : along;
  const read = readFrom(storedTypes(types), packed);
  return packed
    ? read(operand, `(${at(`min(${first}, ${size} - 4u)`)}) / 4u`)
    : `vec4<f32>(${range(4)
        .map((q) => read(operand, at(`min(${first} + ${q}u, ${size} - 1u)`)))
        .join(", ")})`;
};
