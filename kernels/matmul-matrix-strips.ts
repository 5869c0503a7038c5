/**
 * Strips of the operands for matrix units, as they lie in memory, in the units' type. What an invocation brings are a few
 * words (of one f32 or two f16) that lie side by side, stored one by one, as WGSL has no wider store of f16 where units
 * can read: stored in the same order by all, they would hit few of workgroup memory's 32 banks at once. So each begins
 * with another word, by its place among the 32 invocations that a GPU runs as one.
 */
import type { OperandTypes, Width } from "./matmul-params.js";
import { address, type Fetch, four, type Strip, XYZW } from "./matmul-strips.js";
import type { Arithmetic } from "./operand.js";
import { range } from "./tile.js";

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
  /** Invocations that bring it. */
  readonly invocations: number;
}

/** Of a strip's rows 16 bytes are padding: rows must begin at multiples of 16, and neighbours should not share a bank. */
const padding = ({ type }: MatrixStrip): number => (type === "f16" ? 8 : 4);

/** A strip's elements from one of its rows to the next; its rows lie as the operand's do. */
export const strideOf = (of: MatrixStrip): number =>
  (of.strip.alongK ? of.depth : of.breadth) + padding(of);

export const lengthOf = (of: MatrixStrip): number =>
  (of.strip.alongK ? of.breadth : of.depth) * strideOf(of);

export const nameOf = ({ strip }: MatrixStrip): string => `strip${strip.operand.toUpperCase()}`;

/** Elements that an invocation brings at once, in so many words. */
const elementsOf = ({ width }: MatrixStrip): 4 | 8 => (width === 8 ? 8 : 4);
const wordsOf = (of: MatrixStrip): 2 | 4 => (elementsOf(of) === 4 && of.type === "f16" ? 2 : 4);

const registerType = (of: MatrixStrip): string =>
  of.type === "f16" ? `vec${wordsOf(of)}<u32>` : "vec4<f32>";

/** Whether memory has the words as they are stored. */
const isRaw = ({ strip, types, type, width }: MatrixStrip): boolean =>
  type === "f16" && types[strip.operand] === "f16" && width !== false;

const loadWords = (of: MatrixStrip, register: string): string[] => {
  const { operand, count, alongK } = of.strip;
  const size = elementsOf(of);
  const at = alongK
    ? address(of.strip, ["along", `min(deep, p.k - ${size}u)`])
    : address(of.strip, [`min(along, p.${count} - ${size}u)`, "min(deep, p.k - 1u)"]);
  return [
    `${register} = select(${registerType(of)}(), ${operand}[(${at}) / ${size}u], deep < p.k);`,
  ];
};

const loadNumbers = (of: MatrixStrip, register: string): string[] => {
  const { strip, types, type, width } = of;
  const deep = strip.alongK ? "deep" : "min(deep, p.k - 1u)";
  const value = four({ packed: width !== false, types }, strip, ["along", deep]);
  const inside = strip.alongK
    ? "deep + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.k)"
    : "vec4<bool>(deep < p.k)";
  const kept = `select(vec4<f32>(), value, ${inside})`;
  return [
    `let value = ${value};`,
    `${register} = ${type === "f16" ? `bitcast<vec2<u32>>(vec4<f16>(${kept}))` : kept};`,
  ];
};

/** The words of a register from the invocation's own on, round. */
const turned = (of: MatrixStrip, register: string): string[] =>
  wordsOf(of) === 2
    ? [`let words = select(${register}, ${register}.yx, turn % 2u != 0u);`]
    : [
        `let half = select(${register}, ${register}.yzwx, turn % 2u != 0u);`,
        "let words = select(half, half.zwxy, turn / 2u != 0u);",
      ];

const storeWord = (of: MatrixStrip, word: number): string[] => {
  const place = `(turn + ${word}u) % ${wordsOf(of)}u`;
  const value = `words.${XYZW[word]}`;
  if (of.type === "f32") return [`${nameOf(of)}[to + ${place}] = ${value};`];
  return [
    `let pair${word} = bitcast<vec2<f16>>(${value});`,
    `${nameOf(of)}[to + 2u * (${place})] = pair${word}.x;`,
    `${nameOf(of)}[to + 2u * (${place}) + 1u] = pair${word}.y;`,
  ];
};

/** Zero past k; clamped past the edge, where no result is stored. */
export const fetchOf = (of: MatrixStrip): Fetch => {
  const { strip, breadth, depth, invocations } = of;
  const { axis, count, operand, alongK } = strip;
  const [size, words] = [elementsOf(of), wordsOf(of)];
  const across = (alongK ? depth : breadth) / size;
  const pieces = (breadth * depth) / size;
  const rounds = range(Math.ceil(pieces / invocations));
  const register = (round: number): string => `own${operand.toUpperCase()}${round}`;
  const inner = `${size}u * (piece % ${across}u)`;
  const outer = `piece / ${across}u`;
  const [along, deep] = alongK
    ? [`min(${axis} + ${outer}, p.${count} - 1u)`, `k + ${inner}`]
    : [`${axis} + ${inner}`, `k + ${outer}`];
  const each = (lines: (register: string) => readonly string[]): string[] =>
    rounds.flatMap((round) => [
      (round + 1) * invocations <= pieces ? "{" : `if (own < ${pieces - round * invocations}u) {`,
      `  let piece = own + ${round * invocations}u;`,
      ...lines(register(round)).map((line) => `  ${line}`),
      "}",
    ]);
  const load = isRaw(of) ? loadWords : loadNumbers;
  return {
    declare: rounds.map((round) => `var ${register(round)}: ${registerType(of)};`),
    load: each((own) => [`let along = ${along};`, `let deep = ${deep};`, ...load(of, own)]),
    store: each((own) => [
      `let turn = own / ${32 / words}u % ${words}u;`,
      `let to = (${outer}) * ${strideOf(of)}u + ${inner};`,
      ...turned(of, own),
      ...range(words).flatMap((word) => storeWord(of, word)),
    ]),
  };
};
