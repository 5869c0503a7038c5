/**
 * Strips of the operands for matrix units, as they lie in memory, in the units' type. They come by way of registers, in
 * which they stay as memory has them until they are stored: what a load gives is not waited for before it is needed.
 * WGSL has no store of f16 to where units can read but one by one; a GPU's compiler makes one of those that fill 8 bytes.
 * Two things keep the 32 invocations that a GPU runs as one apart in workgroup memory's 32 banks: of 16 bytes half of them
 * store the latter 8 first, and of rows along k those four apart are stored at once, not neighbours, whose padding of 16
 * bytes would put the end of one where the other begins.
 */
import type { OperandTypes, Width } from "./matmul-params.js";
import { address, type Fetch, four, type Strip, XYZW } from "./matmul-strips.js";
import { type Arithmetic, bindingType, DTYPE_BYTES, type Dtype, numbersOf } from "./operand.js";
import { range } from "./tile.js";
import { block, when } from "./wgsl-block.js";

/** What ends where tiles do, so that nothing is past it: k, and both dimensions of C. */
export interface Whole {
  readonly k: boolean;
  readonly mn: boolean;
}

export interface MatrixStrip {
  readonly strip: Strip;
  /** How the operand is read. */
  readonly width: Width;
  readonly types: OperandTypes;
  /** Of the units. */
  readonly type: Arithmetic;
  /** Rows or columns of C that it serves. */
  readonly breadth: number;
  readonly depth: number;
  readonly whole: Whole;
  /** Invocations that bring it. */
  readonly invocations: number;
}

/** Of a strip's rows 16 bytes are padding: rows must begin at multiples of 16, and neighbours should not share a bank. */
const padding = ({ type }: MatrixStrip): number => 16 / DTYPE_BYTES[type];

/** A strip's elements from one of its rows to the next; its rows lie as the operand's do. */
export const strideOf = (of: MatrixStrip): number =>
  (of.strip.alongK ? of.depth : of.breadth) + padding(of);

export const lengthOf = (of: MatrixStrip): number =>
  (of.strip.alongK ? of.breadth : of.depth) * strideOf(of);

export const nameOf = ({ strip }: MatrixStrip): string => `strip${strip.operand.toUpperCase()}`;

/** Elements that an invocation brings at once. */
const elementsOf = ({ width }: MatrixStrip): 4 | 8 => (width === 8 ? 8 : 4);

const storedAs = ({ types, strip }: MatrixStrip): Dtype => types[strip.operand];

/** As memory has them, or four numbers that were read one by one. */
const registerType = (of: MatrixStrip): string => {
  if (of.width === 8) return "vec4<u32>";
  return of.width ? bindingType(storedAs(of), true) : "vec4<f32>";
};

/** From `deep` of k and `along` of C on; clamped, where they may end, along the operand's rows and across them. */
const load = (of: MatrixStrip, register: string): string[] => {
  const { strip, width, types, whole } = of;
  const size = elementsOf(of);
  const { operand, count, alongK } = strip;
  const inK = (last: string): string => (whole.k ? "deep" : `min(deep, p.k - ${last})`);
  if (width === false) {
    const deep = alongK ? "deep" : inK("1u");
    return [`${register} = ${four({ packed: false, types }, strip, ["along", deep])};`];
  }
  const at = alongK
    ? address(strip, ["along", inK(`${size}u`)])
    : address(strip, [whole.mn ? "along" : `min(along, p.${count} - ${size}u)`, inK("1u")]);
  return [`${register} = ${operand}[(${at}) / ${size}u];`];
};

/** Four numbers of a register as f32. */
const numbers = (of: MatrixStrip, register: string): string =>
  of.width === false ? register : numbersOf(storedAs(of), register);

/** What is stored of a register: vectors of four of the units' numbers. */
const vectorsOf = (of: MatrixStrip, register: string): string[] => {
  const isStored = of.type === storedAs(of) && of.width !== false;
  if (of.type === "f32") return [numbers(of, register)];
  if (!isStored) return [`vec4<f16>(${numbers(of, register)})`];
  return of.width === 8
    ? [`bitcast<vec4<f16>>(${register}.xy)`, `bitcast<vec4<f16>>(${register}.zw)`]
    : [`bitcast<vec4<f16>>(${register})`];
};

/** Zero past k. */
const masked = (of: MatrixStrip, vectors: readonly string[]): readonly string[] => {
  if (of.whole.k) return vectors;
  const zero = `vec4<${of.type}>()`;
  return vectors.map((vector, at) => {
    const deep = at > 0 ? `deep + ${4 * at}u` : "deep";
    const inside = of.strip.alongK
      ? `${deep} + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.k)`
      : "vec4<bool>(deep < p.k)";
    return `select(${zero}, ${vector}, ${inside})`;
  });
};

/** The first so many numbers of a vector, at `at` and beyond. */
const storeAt = (of: MatrixStrip, at: string, vector: string, count: number): string[] =>
  range(count).map((q) => `${nameOf(of)}[${at}${q > 0 ? ` + ${q}u` : ""}] = ${vector}.${XYZW[q]};`);

/** Stores what lies at `to` and beyond: 8 bytes, or 16 of which half of the invocations store the latter 8 first. */
const store = (of: MatrixStrip, register: string): string[] => {
  const [first = "", second] = masked(of, vectorsOf(of, register));
  const half = 8 / DTYPE_BYTES[of.type];
  if (of.type === "f16" && second === undefined)
    return [`let value = ${first};`, ...storeAt(of, "to", "value", 4)];
  const halves =
    second === undefined
      ? [`let value = ${first};`, "let lower = value.xy;", "let upper = value.zw;"]
      : [`let lower = ${first};`, `let upper = ${second};`];
  return [
    ...halves,
    "let turned = own / 8u % 2u != 0u;",
    "let near = select(lower, upper, turned);",
    "let far = select(upper, lower, turned);",
    `let nearTo = to + select(0u, ${half}u, turned);`,
    `let farTo = to + select(${half}u, 0u, turned);`,
    ...storeAt(of, "nearTo", "near", half),
    ...storeAt(of, "farTo", "far", half),
  ];
};

interface Places {
  readonly first: readonly string[];
  readonly each: (round: number) => readonly string[];
}

/**
 * Which `line` of the strip, and which of the row's elements, an invocation brings in a round: as many rows further in each
 * round where those of a round are whole, which costs an addition, and all over again else.
 */
const placesOf = (of: MatrixStrip, across: number): Places => {
  const { strip, invocations } = of;
  const row = strip.alongK ? "next / 8u * 8u + next % 8u / 2u + next % 2u * 4u" : "next";
  const placed = (piece: string, line: string): string[] => [
    `let next = ${piece} / ${across}u;`,
    `let ${line} = ${row};`,
    `let inner = ${elementsOf(of)}u * (${piece} % ${across}u);`,
  ];
  return invocations % across === 0
    ? {
        first: placed("own", "line0"),
        each: (round) => [`let line = line0 + ${(round * invocations) / across}u;`],
      }
    : { first: [], each: (round) => placed(`(own + ${round * invocations}u)`, "line") };
};

/** An invocation's share of a strip by way of the registers of a `set`. */
export const fetchOf = (of: MatrixStrip, set: number): Fetch => {
  const { strip, breadth, depth, invocations, whole } = of;
  const { axis, count, operand, alongK } = strip;
  const across = (alongK ? depth : breadth) / elementsOf(of);
  const pieces = across * (alongK ? breadth : depth);
  const rounds = range(Math.ceil(pieces / invocations));
  const register = (round: number): string => `own${operand.toUpperCase()}${set}_${round}`;
  const places = placesOf(of, across);
  const along = `${axis} + ${alongK ? "line" : "inner"}`;
  const deep = `k + ${alongK ? "inner" : "line"}`;
  const inRounds = (lines: (register: string) => readonly string[]): string[] =>
    block(
      ...places.first,
      ...rounds.flatMap((round) => {
        const left = pieces - round * invocations;
        const own = [...places.each(round), ...lines(register(round))];
        return left >= invocations ? block(...own) : when(`own < ${left}u`, own);
      }),
    );
  return {
    declare: rounds.map((round) => `var ${register(round)}: ${registerType(of)};`),
    load: inRounds((own) => [
      `let along = ${alongK && !whole.mn ? `min(${along}, p.${count} - 1u)` : along};`,
      `let deep = ${deep};`,
      ...load(of, own),
    ]),
    store: inRounds((own) => [
      ...(whole.k ? [] : [`let deep = ${deep};`]),
      `let to = line * ${strideOf(of)}u + inner;`,
      ...store(of, own),
    ]),
  };
};
