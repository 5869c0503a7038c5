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
  BASES,
  four,
  type Strip,
  storedTypes,
  stripsOf,
  XYZW,
} from "./matmul-strips.js";
import { range } from "./tile.js";

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
  readonly accumulate: boolean;
  readonly types: OperandTypes;
}

/** Invocations of a workgroup. */
export const workgroupOf = ({ size, own }: WorkgroupTile): number => (size / own) ** 2;

/** Vectors of a strip's row of one k, one for padding. */
const strideOf = ({ size }: WorkgroupTile): number => size / 4 + 1;

const header = (of: WorkgroupMatmul): string => {
  const { tile, packed, types } = of;
  const strip = `array<vec4<${types.arithmetic ?? "f32"}>, ${tile.depth * strideOf(tile)}>`;
  return `${MATMUL_PARAMS}
${matmulBindings(storedTypes(types), packed)}var<workgroup> stripA: ${strip};
var<workgroup> stripB: ${strip};

@compute @workgroup_size(${workgroupOf(tile)})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32) {
`;
};

/** Which tile this workgroup owns; the whole group returns where there is none, so that barriers stay uniform. */
const owner = ({ tile }: WorkgroupMatmul): string[] => [
  `let tilesM = (p.m + ${tile.size - 1}u) / ${tile.size}u;`,
  `let tilesN = (p.n + ${tile.size - 1}u) / ${tile.size}u;`,
  "let id = w.x + w.y * 65535u;",
  "if (id >= p.batch * tilesM * tilesN) { return; }",
  "let rest = id / tilesN;",
  "let batch = rest / tilesM;",
  `let row = (rest - batch * tilesM) * ${tile.size}u;`,
  `let col = (id - rest * tilesN) * ${tile.size}u;`,
  ...BASES,
];

const into = ({ operand }: Strip): string => `strip${operand.toUpperCase()}`;

/** Four numbers as a strip holds them, and back. */
const kept = ({ types }: WorkgroupMatmul, value: string): string =>
  types.arithmetic === "f16" ? `vec4<f16>(${value})` : value;
const taken = ({ types }: WorkgroupMatmul, value: string): string =>
  types.arithmetic === "f16" ? `vec4<f32>(${value})` : value;

/** A vector along C of one k, as memory has it. */
const fetchRow = (of: WorkgroupMatmul, strip: Strip): string[] => {
  const inner = of.tile.size / 4;
  return [
    `let depth = at / ${inner}u;`,
    `let place = at - depth * ${inner}u;`,
    "let k = min(step + depth, p.k - 1u);",
    `let value = ${four(of, strip, [`(${strip.axis} + 4u * place)`, "k"])};`,
    `${into(strip)}[depth * ${strideOf(of.tile)}u + place] = ${kept(of, "select(vec4<f32>(), value, step + depth < p.k)")};`,
  ];
};

/** Four vectors along k of four neighbours along C, turned round: a vector has one writer, or its components race. */
const fetchBlock = (of: WorkgroupMatmul, strip: Strip): string[] => {
  const inner = of.tile.depth / 4;
  const { axis, count } = strip;
  return [
    `let place = at / ${inner}u;`,
    `let depth = 4u * (at - place * ${inner}u);`,
    "let k = step + depth;",
    ...range(4).map((q) => {
      const along = `min(${axis} + 4u * place + ${q}u, p.${count} - 1u)`;
      return `let v${q} = ${four(of, strip, [along, "k"])};`;
    }),
    ...range(4).map((q) => {
      const turned = `vec4<f32>(${range(4)
        .map((v) => `v${v}.${XYZW[q]}`)
        .join(", ")})`;
      const value = kept(of, `select(vec4<f32>(), ${turned}, k + ${q}u < p.k)`);
      return `${into(strip)}[(depth + ${q}u) * ${strideOf(of.tile)}u + place] = ${value};`;
    }),
  ];
};

/**
 * Fetches a strip of `depth` of k from `step` on: zero past k, so that no sum changes; clamped past the edge, where no
 * result is stored. Where blocks of both strips need half of the invocations at most, each strip has invocations of its own.
 */
const fetch = (of: WorkgroupMatmul, strip: Strip): string[] => {
  const { tile, layout } = of;
  const all = workgroupOf(tile);
  const pieces = (tile.size * tile.depth) / (strip.alongK ? 16 : 4);
  const start = layout === "nt" && strip.operand === "b" && 2 * pieces <= all ? pieces : 0;
  const lines = strip.alongK ? fetchBlock(of, strip) : fetchRow(of, strip);
  return range(Math.ceil(pieces / all)).flatMap((round) => {
    const before = round * all;
    const guards = [
      ...(start > 0 ? [`own >= ${start}u`] : []),
      ...(before + all > pieces ? [`own < ${start + pieces - before}u`] : []),
    ];
    const offset = before > 0 ? ` + ${before}u` : start > 0 ? ` - ${start}u` : "";
    return [
      guards.length === 0 ? "{" : `if (${guards.join(" && ")}) {`,
      `  let at = own${offset};`,
      ...lines.map((line) => `  ${line}`),
      "}",
    ];
  });
};

/** An invocation's rows and columns come in fours, `size / own` fours apart, so that neighbours read neighbours. */
const foursOf = ({ own }: WorkgroupTile): number[] => range(own / 4);
const apart = ({ size, own }: WorkgroupTile): number => size / own;

const multiply = (of: WorkgroupMatmul): string[] => {
  const { tile } = of;
  const [fours, stride] = [foursOf(tile), strideOf(tile)];
  const read = (strip: string, at: string, f: number): string =>
    taken(of, `${strip}[i * ${stride}u + ${at} + ${f * apart(tile)}u]`);
  return [
    `for (var i = 0u; i < ${tile.depth}u; i++) {`,
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

const store = ({ tile, accumulate }: WorkgroupMatmul): string[] =>
  range(tile.own).flatMap((r) => [
    `let r${r} = row + 4u * (down + ${(r >> 2) * apart(tile)}u) + ${r & 3}u;`,
    `if (r${r} < p.m) {`,
    `  let out = baseC + r${r} * p.ldc;`,
    ...foursOf(tile).flatMap((f) =>
      range(4).map((q) => {
        const column = `col + 4u * (across + ${f * apart(tile)}u) + ${q}u`;
        const at = `c[out + ${column}]`;
        return `  if (${column} < p.n) { ${at} = ${accumulate ? `${at} + ` : ""}s${r}_${f}.${XYZW[q]}; }`;
      }),
    ),
    "}",
  ]);

export const workgroupWgsl = (of: WorkgroupMatmul): string => {
  const { tile } = of;
  const lines = [
    ...owner(of),
    `let down = own / ${apart(tile)}u;`,
    `let across = own - down * ${apart(tile)}u;`,
    ...range(tile.own).flatMap((r) => foursOf(tile).map((f) => `var s${r}_${f} = vec4<f32>();`)),
    ...alongStrips(
      "p.k",
      tile.depth,
      stripsOf(of.layout).flatMap((strip) => fetch(of, strip)),
      multiply(of),
    ),
    ...store(of),
  ];
  return `${header(of)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
};

/** One workgroup a tile. */
export const workgroupTiles = (
  { size }: WorkgroupTile,
  batch: number,
  m: number,
  n: number,
): number => batch * Math.ceil(m / size) * Math.ceil(n / size);
