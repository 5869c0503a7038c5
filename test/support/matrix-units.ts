/** Kernels for matrix units where there are none: every lane holds whole matrices, and multiplies them number by number. */

const ENABLES = [
  "enable chromium_experimental_subgroup_matrix;\n",
  "diagnostic(off, chromium.subgroup_matrix_uniformity);\n",
];

const LOAD =
  /subgroupMatrixLoad<subgroup_matrix_(?:left|right)<(f16|f32), (\d+), (\d+)>, (row|col)_major>\(&(\w+), /g;
/** Sums that begin with what is in C. */
const BEGIN = /subgroupMatrixLoad<subgroup_matrix_result<f32, \d+, \d+>, row_major>\(&c, /g;
const RESULT = /subgroup_matrix_result<f32, (\d+), (\d+)>/g;

/** Row-major, as the lanes hold it. */
const loader = (name: string, [, type, columns, rows, order, strip]: readonly string[]): string => {
  const at = order === "row" ? "r * stride + c" : "c * stride + r";
  return `fn ${name}(offset: u32, stride: u32) -> array<${type}, ${Number(rows) * Number(columns)}> {
  var whole: array<${type}, ${Number(rows) * Number(columns)}>;
  for (var r = 0u; r < ${rows}u; r++) {
    for (var c = 0u; c < ${columns}u; c++) { whole[r * ${columns}u + c] = ${strip}[offset + ${at}]; }
  }
  return whole;
}
`;
};

const putter = (name: string, size: number, n: string): string =>
  `fn put_${name}(offset: u32, sums: array<f32, ${size}>, stride: u32) {
  var whole = sums;
  for (var at = 0u; at < ${size}u; at++) { ${name}[offset + at / ${n}u * stride + at % ${n}u] = whole[at]; }
}
`;

/** The text of a kernel in WGSL that any device takes; throws where it is for no matrix units. */
export const withoutUnits = (wgsl: string): string => {
  const [, n = "", m = ""] = [...wgsl.matchAll(RESULT)][0] ?? [];
  const loads = [...wgsl.matchAll(LOAD)];
  const [type, k] = [loads[0]?.[1], Number(loads[0]?.[2])];
  if (type === undefined || !ENABLES.every((line) => wgsl.includes(line)))
    throw new Error("the kernel uses no matrix units");
  const size = Number(m) * Number(n);
  const named = new Map(loads.map((load) => [load[0], { load, name: "" }]));
  const functions = [...named.values()].map((entry, at) => {
    entry.name = `load_${at}`;
    return loader(entry.name, entry.load);
  });
  const accumulate = `fn accumulated(a: array<${type}, ${Number(m) * k}>, b: array<${type}, ${k * Number(n)}>, s: array<f32, ${size}>) -> array<f32, ${size}> {
  var x = a;
  var y = b;
  var sums = s;
  for (var r = 0u; r < ${m}u; r++) {
    for (var c = 0u; c < ${n}u; c++) {
      for (var i = 0u; i < ${k}u; i++) { sums[r * ${n}u + c] += f32(x[r * ${k}u + i]) * f32(y[i * ${n}u + c]); }
    }
  }
  return sums;
}
fn begin(offset: u32, stride: u32) -> array<f32, ${size}> {
  var whole: array<f32, ${size}>;
  for (var at = 0u; at < ${size}u; at++) { whole[at] = c[offset + at / ${n}u * stride + at % ${n}u]; }
  return whole;
}
${["results", "c"]
  .filter((name) => wgsl.includes(`(&${name}, `))
  .map((name) => putter(name, size, n))
  .join("")}`;
  const plain = ENABLES.reduce((text, line) => text.replace(line, ""), wgsl)
    .replaceAll(LOAD, (load) => `${named.get(load)?.name ?? ""}(`)
    .replaceAll(BEGIN, "begin(")
    .replaceAll(RESULT, `array<f32, ${size}>`)
    .replaceAll("subgroupMatrixMultiplyAccumulate(", "accumulated(")
    .replaceAll(/subgroupMatrixStore<row_major>\(&(results|c), /g, "put_$1(");
  return `${plain}${functions.join("")}${accumulate}`;
};
