/** How a generated kernel's work is shared out to invocations, and what of its text follows from that alone. */

/**
 * "chunk": nothing is reduced, an invocation computes a few neighbours along the innermost axes; "row": one invocation
 * a row; "workgroup": a workgroup of `lanes` invocations a row, for rows that are long and few.
 */
export type Sharing =
  | { readonly kind: "chunk" }
  | { readonly kind: "row" }
  | { readonly kind: "workgroup"; readonly lanes: number };

const WORKGROUP = 64;

/** Elements of a chunk: starting an invocation and taking its index apart cost as much as a few of them. */
export const CHUNK = 4;

/** Rows shorter than this are not worth a workgroup, and this many rows keep any adapter busy by themselves. */
const SHORT = 256;
const MANY = 16384;
/** So few rows always want a workgroup each. */
const FEW = 64;
const WIDE = 4096;

/** The ways worth having for so many rows of so many elements. All give sums in an order that is fixed. */
export const sharingsOf = (rows: number, inner: number, reduces: boolean): readonly Sharing[] => {
  if (!reduces) return [{ kind: "chunk" }];
  if (inner < SHORT || rows >= MANY) return [{ kind: "row" }];
  const shared: Sharing = { kind: "workgroup", lanes: inner < WIDE ? WORKGROUP : 4 * WORKGROUP };
  return rows < FEW ? [shared] : [{ kind: "row" }, shared];
};

export const workgroupOf = (sharing: Sharing): number =>
  sharing.kind === "workgroup" ? sharing.lanes : WORKGROUP;

/** Workgroups for so many rows of so many elements. */
export const workgroupCount = (sharing: Sharing, rows: number, inner: number): number => {
  switch (sharing.kind) {
    case "chunk":
      return Math.ceil((rows * Math.ceil(inner / CHUNK)) / WORKGROUP);
    case "row":
      return Math.ceil(rows / WORKGROUP);
    case "workgroup":
      return rows;
    default:
      return sharing satisfies never;
  }
};

/** The elements of a row that an invocation walks: from, to, and the step between them. */
export interface Walk {
  readonly from: string;
  readonly to: string;
  readonly step: number;
}

/** A chunk is not walked but written out. */
export const walkOf = (sharing: Sharing, count: string): Walk | null => {
  switch (sharing.kind) {
    case "chunk":
      return null;
    case "row":
      return { from: "0u", to: count, step: 1 };
    case "workgroup":
      return { from: "lane", to: count, step: sharing.lanes };
    default:
      return sharing satisfies never;
  }
};

/**
 * Which row an invocation has, and of it which elements. `size` is a row's, in fours where `inFours`; `rows` how many there
 * are, null for one.
 */
export const ownership = (
  sharing: Sharing,
  rows: string | null,
  size: string,
  inFours: boolean,
): readonly string[] => {
  const invocation = `(w.x + w.y * 65535u) * ${WORKGROUP}u + l.x`;
  switch (sharing.kind) {
    case "chunk":
      if (inFours)
        return rows === null
          ? [`let four = ${invocation};`, `if (four >= ${size}) { return; }`]
          : [
              `let id = ${invocation};`,
              `if (id >= ${rows} * ${size}) { return; }`,
              `let row = id / ${size};`,
              `let four = id - row * ${size};`,
            ];
      if (rows === null)
        return [`let first = (${invocation}) * ${CHUNK}u;`, `if (first >= ${size}) { return; }`];
      return [
        `let chunks = (${size} + ${CHUNK - 1}u) / ${CHUNK}u;`,
        `let id = ${invocation};`,
        `if (id >= ${rows} * chunks) { return; }`,
        "let row = id / chunks;",
        `let first = (id - row * chunks) * ${CHUNK}u;`,
      ];
    case "row":
      return [`let row = ${invocation};`, `if (row >= ${rows ?? "1u"}) { return; }`];
    case "workgroup":
      return [
        "let row = w.x + w.y * 65535u;",
        `if (row >= ${rows ?? "1u"}) { return; }`,
        "let lane = l.x;",
      ];
    default:
      return sharing satisfies never;
  }
};

export type Join = "sum" | "max";

/** What all invocations of a row have together, where there are several: a fixed tree through workgroup memory. */
export const joined = (sharing: Sharing, join: Join, name: string): readonly string[] =>
  sharing.kind === "workgroup" ? [`${name} = ${join}_of_row(lane, ${name});`] : [];

export const joinFunction = (sharing: Sharing, join: Join): readonly string[] => {
  if (sharing.kind !== "workgroup") return [];
  const both = (a: string, b: string): string =>
    join === "sum" ? `${a} + ${b}` : `max(${a}, ${b})`;
  return [
    `fn ${join}_of_row(lane: u32, value: f32) -> f32 {`,
    "  workgroupBarrier();",
    "  parts[lane] = value;",
    "  workgroupBarrier();",
    `  for (var half = ${sharing.lanes / 2}u; half > 0u; half = half / 2u) {`,
    `    if (lane < half) { parts[lane] = ${both("parts[lane]", "parts[lane + half]")}; }`,
    "    workgroupBarrier();",
    "  }",
    "  return parts[0];",
    "}",
    "",
  ];
};

export const workgroupMemory = (sharing: Sharing): readonly string[] =>
  sharing.kind === "workgroup" ? [`var<workgroup> parts: array<f32, ${sharing.lanes}>;`, ""] : [];

/** Once a row, though several invocations have it. */
export const onceARow = (sharing: Sharing, line: string): string =>
  sharing.kind === "workgroup" ? `if (lane == 0u) { ${line} }` : line;
