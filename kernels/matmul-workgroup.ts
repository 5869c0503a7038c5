/**
 * Matrix product by tiles in workgroup memory, for GPUs. Memory is slow there and multiply-adds are cheap, so a workgroup
 * fetches a strip of A and a strip of B once, `depth` of k wide, into memory that all its invocations share, and each
 * then multiplies a tile of its own in registers: an element fetched serves `size` multiply-adds, and one read of shared
 * memory serves as many as the register tile is wide (CUTLASS, "efficient GEMM", has the same two levels). Invocations
 * that fetch lie along the operand's rows in memory, so that they read whole cache lines; rows of the strips are padded,
 * so that those that write a column of one do not all hit the same bank. In f16 arithmetic the strips are f16: twice as
 * much of k fits, and half as many bytes are read of it. All of it fits WebGPU's default limits: 256 invocations and
 * 16 KiB. Software adapters have no such memory, and barriers cost them dearly.
 */
import { type Layout, MATMUL_PARAMS, matmulBindings, type OperandTypes } from "./matmul-params.js";
import {
  alongStrips,
  type Fetch,
  four,
  ownedTile,
  type Strip,
  storedTypes,
  stripsOf,
  XYZW,
} from "./matmul-strips.js";
import { range } from "./tile.js";
import { block, indented, when } from "./wgsl-block.js";

export interface WorkgroupTile {
  /** Rows and columns of C of a workgroup. */
  readonly size: number;
  /** Of k at once, a multiple of 4. */
  readonly depth: number;
  /** Rows and columns of C of an invocation, in fours. */
  readonly own: number;
}

export interface WorkgroupMatmul {
  readonly layout: Layout;
  readonly tile: WorkgroupTile;
  /** Operands are read in fours: offsets, strides and sizes are multiples of four. */
  readonly packed: boolean;
  /** The result is written in fours, as it lies in fours. */
  readonly writtenInFours: boolean;
  readonly accumulate: boolean;
  readonly types: OperandTypes;
}

/** Invocations of a workgroup. */
export const workgroupOf = ({ size, own }: WorkgroupTile): number => (size / own) ** 2;

/** Vectors of a strip's row of one k, one for padding. */
const strideOf = ({ size }: WorkgroupTile): number => size / 4 + 1;
const lengthOf = (tile: WorkgroupTile): number => tile.depth * strideOf(tile);

/** Memory that a workgroup needs, in bytes. */
export const workgroupBytes = (tile: WorkgroupTile, { arithmetic }: OperandTypes): number =>
  2 * lengthOf(tile) * (arithmetic === "f16" ? 8 : 16);

const header = (of: WorkgroupMatmul): string => {
  const { tile, packed, writtenInFours, types } = of;
  const strip = `array<vec4<${types.arithmetic ?? "f32"}>, ${lengthOf(tile)}>`;
  return `${MATMUL_PARAMS}
${matmulBindings(storedTypes(types), packed, writtenInFours)}var<workgroup> stripA: ${strip};
var<workgroup> stripB: ${strip};

@compute @workgroup_size(${workgroupOf(tile)})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32) {
`;
};

const into = ({ operand }: Strip): string => `strip${operand.toUpperCase()}`;

/** Four numbers as a strip holds them, and back. */
const vectorOf = ({ types }: WorkgroupMatmul): string => `vec4<${types.arithmetic ?? "f32"}>`;
const kept = (of: WorkgroupMatmul, value: string): string =>
  of.types.arithmetic === "f16" ? `${vectorOf(of)}(${value})` : value;
const taken = ({ types }: WorkgroupMatmul, value: string): string =>
  types.arithmetic === "f16" ? `vec4<f32>(${value})` : value;

/** What an invocation loads of a strip at once: `piece` names its number in the strip. */
interface Piece {
  readonly count: number;
  readonly vectors: number;
  readonly load: (register: (q: number) => string) => readonly string[];
  readonly store: (register: (q: number) => string) => readonly string[];
}

/** A vector along C of one k, as memory has it. */
const rowPiece = (of: WorkgroupMatmul, strip: Strip): Piece => {
  const { size, depth } = of.tile;
  const inner = size / 4;
  const [at, down] = [`(piece % ${inner}u)`, `(piece / ${inner}u)`];
  return {
    count: inner * depth,
    vectors: 1,
    load: (register) => [
      `let deep = k + ${down};`,
      `let value = ${four(of, strip, [`(${strip.axis} + 4u * ${at})`, "min(deep, p.k - 1u)"])};`,
      `${register(0)} = ${kept(of, "select(vec4<f32>(), value, deep < p.k)")};`,
    ],
    store: (register) => [
      `${into(strip)}[${down} * ${strideOf(of.tile)}u + ${at}] = ${register(0)};`,
    ],
  };
};

/** Four vectors along k of four neighbours along C, turned round: a vector has one writer, or its components race. */
const blockPiece = (of: WorkgroupMatmul, strip: Strip): Piece => {
  const { size, depth } = of.tile;
  const inner = depth / 4;
  const { axis, count } = strip;
  const [at, down] = [`(piece / ${inner}u)`, `(4u * (piece % ${inner}u))`];
  return {
    count: (size / 4) * inner,
    vectors: 4,
    load: (register) => [
      `let deep = k + ${down};`,
      ...range(4).map((q) => {
        const along = `min(${axis} + 4u * ${at} + ${q}u, p.${count} - 1u)`;
        return `let v${q} = ${four(of, strip, [along, "deep"])};`;
      }),
      ...range(4).map((q) => {
        const turned = `vec4<f32>(${range(4)
          .map((v) => `v${v}.${XYZW[q]}`)
          .join(", ")})`;
        return `${register(q)} = ${kept(of, `select(vec4<f32>(), ${turned}, deep + ${q}u < p.k)`)};`;
      }),
    ],
    store: (register) =>
      range(4).map(
        (q) =>
          `${into(strip)}[(${down} + ${q}u) * ${strideOf(of.tile)}u + ${at}] = ${register(q)};`,
      ),
  };
};

/**
 * A strip of `depth` of k: zero past k, so that no sum changes; clamped past the edge, where no result is stored. Where
 * blocks of both strips need half of the invocations at most, each strip has invocations of its own.
 */
const fetch = (of: WorkgroupMatmul, strip: Strip): Fetch => {
  const all = workgroupOf(of.tile);
  const piece = strip.alongK ? blockPiece(of, strip) : rowPiece(of, strip);
  const apart = of.layout === "nt" && 2 * piece.count <= all;
  const first = apart && strip.operand === "b" ? piece.count : 0;
  const rounds = range(Math.ceil(piece.count / all));
  const register = (round: number) => (q: number) =>
    `own${apart ? "" : strip.operand.toUpperCase()}${round}_${q}`;
  const each = (part: "load" | "store"): string[] =>
    rounds.flatMap((round) => {
      const last = first + piece.count - round * all;
      const guards = [
        ...(first > 0 ? [`own >= ${first}u`] : []),
        ...(last < all ? [`own < ${last}u`] : []),
      ];
      const offset = round > 0 ? ` + ${round * all}u` : first > 0 ? ` - ${first}u` : "";
      const lines = [`let piece = own${offset};`, ...piece[part](register(round))];
      return guards.length === 0 ? block(...lines) : when(guards.join(" && "), lines);
    });
  return {
    declare:
      first > 0
        ? []
        : rounds.flatMap((round) =>
            range(piece.vectors).map((q) => `var ${register(round)(q)}: ${vectorOf(of)};`),
          ),
    load: each("load"),
    store: each("store"),
  };
};

/** An invocation's rows and columns come in fours, `size / own` fours apart, so that neighbours read neighbours. */
const foursOf = ({ own }: WorkgroupTile): number[] => range(own / 4);
const apartOf = ({ size, own }: WorkgroupTile): number => size / own;

/**
 * Which of the fours an invocation owns. Thirty-two invocations, which a GPU runs as one, are 4 below 8 where the tile is
 * as wide: they read the fewest vectors of both strips together.
 */
const placed = (tile: WorkgroupTile): string[] => {
  const wide = apartOf(tile);
  if (wide % 8 !== 0) return [`let down = own / ${wide}u;`, `let across = own - down * ${wide}u;`];
  const blocks = wide / 8;
  return [
    `let down = 4u * (own / ${32 * blocks}u) + own % 32u / 8u;`,
    `let across = 8u * (own / 32u % ${blocks}u) + own % 8u;`,
  ];
};

const multiply = (of: WorkgroupMatmul): string[] => {
  const { tile } = of;
  const [fours, stride] = [foursOf(tile), strideOf(tile)];
  const read = (strip: string, at: string, f: number): string =>
    taken(of, `${strip}[first + ${at} + ${f * apartOf(tile)}u]`);
  return [
    `for (var i = 0u; i < ${tile.depth}u; i++) {`,
    `  let first = i * ${stride}u;`,
    ...fours.map((f) => `  let x${f} = ${read("stripA", "down", f)};`),
    ...fours.map((f) => `  let y${f} = ${read("stripB", "across", f)};`),
    ...range(tile.own).flatMap((r) =>
      fours.map(
        (f) => `  s${r}_${f} = fma(vec4<f32>(x${r >> 2}.${XYZW[r & 3]}), y${f}, s${r}_${f});`,
      ),
    ),
    "}",
  ];
};

const storeRow = ({ tile, accumulate, writtenInFours }: WorkgroupMatmul, r: number): string[] =>
  foursOf(tile).flatMap((f) => {
    const column = `col + 4u * (across + ${f * apartOf(tile)}u)`;
    const add = (at: string): string => (accumulate ? `${at} + ` : "");
    if (writtenInFours) {
      const at = `c[(out + ${column}) / 4u]`;
      return [`  if (${column} < p.n) { ${at} = ${add(at)}s${r}_${f}; }`];
    }
    return range(4).map((q) => {
      const at = `c[out + ${column} + ${q}u]`;
      return `  if (${column} + ${q}u < p.n) { ${at} = ${add(at)}s${r}_${f}.${XYZW[q]}; }`;
    });
  });

const store = (of: WorkgroupMatmul): string[] =>
  range(of.tile.own).flatMap((r) => [
    `let r${r} = row + 4u * (down + ${(r >> 2) * apartOf(of.tile)}u) + ${r & 3}u;`,
    `if (r${r} < p.m) {`,
    `  let out = baseC + r${r} * p.ldc;`,
    ...storeRow(of, r),
    "}",
  ]);

export const workgroupWgsl = (of: WorkgroupMatmul): string => {
  const { tile } = of;
  const lines = [
    ...ownedTile(`${tile.size}u`, `${tile.size}u`),
    "// The whole group returns, so that barriers stay uniform.",
    "if (!left) { return; }",
    ...placed(tile),
    ...range(tile.own).flatMap((r) => foursOf(tile).map((f) => `var s${r}_${f} = vec4<f32>();`)),
    ...alongStrips({
      end: "p.k",
      depth: tile.depth,
      fetches: stripsOf(of.layout).map((strip) => fetch(of, strip)),
      multiply: multiply(of),
    }),
    ...store(of),
  ];
  return `${header(of)}${indented(lines).join("\n")}\n}\n`;
};

/** One workgroup a tile. */
export const workgroupTiles = (
  { size }: WorkgroupTile,
  batch: number,
  m: number,
  n: number,
): number => batch * Math.ceil(m / size) * Math.ceil(n / size);
