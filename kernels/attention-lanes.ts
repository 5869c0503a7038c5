/** What each lane of a group holds of attention's rows, how it reads and writes it, and what lanes exchange. */
import type { ScoreRule } from "./attention-scores.js";
import { range } from "./tile.js";

export interface AttentionTile {
  readonly dim: number;
  /** Of a group; 4 exchange as quads, more by shuffles. */
  readonly lanes: 4 | 8;
  /** Rows of the tile: queries, by position and then by head of their group, forward and for dQ; keys for dK and dV. */
  readonly rows: number;
  readonly scores: ScoreRule;
  /** Elements of dim side by side that a lane reads at once: all of its shares lie in such vectors, and so do the pieces. */
  readonly vector: 1 | 2 | 4;
}

export const TILE_WORKGROUP = 32;

/** rows, keys, lse: the first element of the piece in the bindings of q, out and their adjoints; of k and v; of lse and delta. */
export const ATTENTION_PARAMS =
  "struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }";

export type Names = readonly (readonly [string, "read" | "read_write"])[];

const OF_ROWS = ["lse", "delta"];

const typeOf = (tile: AttentionTile, name: string): string => {
  const vector = OF_ROWS.includes(name) ? 1 : tile.vector;
  return vector === 1 ? "f32" : `vec${vector}<f32>`;
};

const header = (tile: AttentionTile, names: Names): string => `enable subgroups;
diagnostic(off, subgroup_uniformity);
${ATTENTION_PARAMS}
@group(0) @binding(0) var<uniform> p: Params;
${names.map(([name, access], i) => `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${typeOf(tile, name)}>;`).join("\n")}

@compute @workgroup_size(${TILE_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) invocation: u32) {
`;

export const text = (tile: AttentionTile, names: Names, lines: readonly string[]): string =>
  `${header(tile, names)}${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;

/** Elements of dim that a lane holds: its own, or its vector's, and every `lanes` of these on. */
export const shares = ({ dim, lanes }: AttentionTile): number[] => range(Math.ceil(dim / lanes));

/** Whether a share's element may lie past dim. */
export const inside = ({ dim, lanes }: AttentionTile, share: number): string | null =>
  (share + 1) * lanes <= dim ? null : `lane + ${share * lanes}u < ${dim}u`;

const XYZW = "xyzw";

/** Where a tensor's piece begins in its binding. */
const base = (tensor: string): string =>
  ["k", "v", "dk", "dv"].includes(tensor) ? "p.keys" : "p.rows";

/** The index of a row's first element, or vector, in a tensor's binding. */
export const rowStart = (tile: AttentionTile, row: string, tensor: string): string => {
  const { vector } = tile;
  const start = vector === 1 ? base(tensor) : `${base(tensor)} / ${vector}u`;
  return `(${row}) * ${tile.dim / vector}u + ${start}`;
};

/** This lane's shares of the row of `from` that begins at `start`, as ${name}_${share}; what is past dim is another element. */
export const loadShares = (
  tile: AttentionTile,
  name: string,
  from: string,
  start: string,
): string[] => {
  const { vector, lanes, dim } = tile;
  if (vector === 1)
    return shares(tile).map((j) => {
      const own = `lane + ${j * lanes}u`;
      const at = inside(tile, j) === null ? own : `min(${own}, ${dim - 1}u)`;
      return `let ${name}_${j} = ${from}[${start} + ${at}];`;
    });
  return range(shares(tile).length / vector).flatMap((at) => [
    `let ${name}_all${at} = ${from}[${start} + lane + ${at * lanes}u];`,
    ...range(vector).map((j) => `let ${name}_${at * vector + j} = ${name}_all${at}.${XYZW[j]};`),
  ]);
};

/** Puts this lane's shares, `value` of each, where the row of `to` begins at `start`. */
export const storeShares = (
  tile: AttentionTile,
  to: string,
  start: string,
  value: (share: number) => string,
): string[] => {
  const { vector, lanes } = tile;
  if (vector === 1)
    return shares(tile).map((j) => {
      const put = `${to}[${start} + lane + ${j * lanes}u] = ${value(j)};`;
      const guard = inside(tile, j);
      return guard === null ? put : `if (${guard}) { ${put} }`;
    });
  return range(shares(tile).length / vector).map((at) => {
    const values = range(vector).map((j) => value(at * vector + j));
    return `${to}[${start} + lane + ${at * lanes}u] = vec${vector}(${values.join(", ")});`;
  });
};

/** The value of lane `lane ^ step`. */
export const exchanged = ({ lanes }: AttentionTile, value: string, step: number): string => {
  if (step === 0) return value;
  if (lanes > 4) return `subgroupShuffleXor(${value}, ${step}u)`;
  const swap = ["", "quadSwapX", "quadSwapY", "quadSwapDiagonal"][step] ?? "";
  return `${swap}(${value})`;
};

/** One operation over a group's lanes, known to all of them afterwards. */
export const acrossLanes = (
  tile: AttentionTile,
  name: string,
  value: string,
  join: (a: string, b: string) => string,
): string[] => {
  const lines = [`let ${name}_0 = ${value};`];
  let at = 0;
  for (let step = 1; step < tile.lanes; step *= 2, at++)
    lines.push(
      `let ${name}_${at + 1} = ${join(`${name}_${at}`, exchanged(tile, `${name}_${at}`, step))};`,
    );
  return [...lines, `let ${name} = ${name}_${at};`];
};
