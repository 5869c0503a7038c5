enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32) {
  let id = (w.x + w.y * 65535u) * 1u + l.x / 8u;
  let tilesM = (p.m + 7u) / 8u;
  let tilesN = (p.n + 31u) / 32u;
  if (id >= p.batch * tilesM * tilesN) { return; }
  let tile = id % tilesN;
  let rest = id / tilesN;
  let batch = rest / tilesM;
  let row = (rest - batch * tilesM) * 8u;
  let col = tile * 32u;
  let lda = p.lda / 4u;
  let ldb = p.ldb / 4u;
  let baseA = (p.offA + batch * p.stepA) / 4u;
  let baseB = (p.offB + batch * p.stepB) / 4u;
  let baseC = p.offC + batch * p.stepC;
  let a0 = baseA + min(row + 0u + lane, p.m - 1u) * lda;
  let b0 = baseB + min(col + 0u + 4u * lane, p.n - 4u) / 4u;
  var sums: array<f32, 32>;
  var i = 0u;
  for (; i + 4u <= p.k; i += 4u) {
    let afour0 = a[a0 + i / 4u];
    let x0_0 = afour0.x;
    let x1_0 = afour0.y;
    let x2_0 = afour0.z;
    let x3_0 = afour0.w;
    let bfour0_0 = b[b0 + (i + 0u) * ldb];
    let y0_0 = bfour0_0.x;
    let y0_1 = bfour0_0.y;
    let y0_2 = bfour0_0.z;
    let y0_3 = bfour0_0.w;
    let bfour1_0 = b[b0 + (i + 1u) * ldb];
    let y1_0 = bfour1_0.x;
    let y1_1 = bfour1_0.y;
    let y1_2 = bfour1_0.z;
    let y1_3 = bfour1_0.w;
    let bfour2_0 = b[b0 + (i + 2u) * ldb];
    let y2_0 = bfour2_0.x;
    let y2_1 = bfour2_0.y;
    let y2_2 = bfour2_0.z;
    let y2_3 = bfour2_0.w;
    let bfour3_0 = b[b0 + (i + 3u) * ldb];
    let y3_0 = bfour3_0.x;
    let y3_1 = bfour3_0.y;
    let y3_2 = bfour3_0.z;
    let y3_3 = bfour3_0.w;
    let v0_0 = subgroupBroadcast(x0_0, 0u);
    let v1_0 = subgroupBroadcast(x1_0, 0u);
    let v2_0 = subgroupBroadcast(x2_0, 0u);
    let v3_0 = subgroupBroadcast(x3_0, 0u);
    sums[0] = fma(v3_0, y3_0, fma(v2_0, y2_0, fma(v1_0, y1_0, fma(v0_0, y0_0, sums[0]))));
    sums[1] = fma(v3_0, y3_1, fma(v2_0, y2_1, fma(v1_0, y1_1, fma(v0_0, y0_1, sums[1]))));
    sums[2] = fma(v3_0, y3_2, fma(v2_0, y2_2, fma(v1_0, y1_2, fma(v0_0, y0_2, sums[2]))));
    sums[3] = fma(v3_0, y3_3, fma(v2_0, y2_3, fma(v1_0, y1_3, fma(v0_0, y0_3, sums[3]))));
    let v0_1 = subgroupBroadcast(x0_0, 1u);
    let v1_1 = subgroupBroadcast(x1_0, 1u);
    let v2_1 = subgroupBroadcast(x2_0, 1u);
    let v3_1 = subgroupBroadcast(x3_0, 1u);
    sums[4] = fma(v3_1, y3_0, fma(v2_1, y2_0, fma(v1_1, y1_0, fma(v0_1, y0_0, sums[4]))));
    sums[5] = fma(v3_1, y3_1, fma(v2_1, y2_1, fma(v1_1, y1_1, fma(v0_1, y0_1, sums[5]))));
    sums[6] = fma(v3_1, y3_2, fma(v2_1, y2_2, fma(v1_1, y1_2, fma(v0_1, y0_2, sums[6]))));
    sums[7] = fma(v3_1, y3_3, fma(v2_1, y2_3, fma(v1_1, y1_3, fma(v0_1, y0_3, sums[7]))));
    let v0_2 = subgroupBroadcast(x0_0, 2u);
    let v1_2 = subgroupBroadcast(x1_0, 2u);
    let v2_2 = subgroupBroadcast(x2_0, 2u);
    let v3_2 = subgroupBroadcast(x3_0, 2u);
    sums[8] = fma(v3_2, y3_0, fma(v2_2, y2_0, fma(v1_2, y1_0, fma(v0_2, y0_0, sums[8]))));
    sums[9] = fma(v3_2, y3_1, fma(v2_2, y2_1, fma(v1_2, y1_1, fma(v0_2, y0_1, sums[9]))));
    sums[10] = fma(v3_2, y3_2, fma(v2_2, y2_2, fma(v1_2, y1_2, fma(v0_2, y0_2, sums[10]))));
    sums[11] = fma(v3_2, y3_3, fma(v2_2, y2_3, fma(v1_2, y1_3, fma(v0_2, y0_3, sums[11]))));
    let v0_3 = subgroupBroadcast(x0_0, 3u);
    let v1_3 = subgroupBroadcast(x1_0, 3u);
    let v2_3 = subgroupBroadcast(x2_0, 3u);
    let v3_3 = subgroupBroadcast(x3_0, 3u);
    sums[12] = fma(v3_3, y3_0, fma(v2_3, y2_0, fma(v1_3, y1_0, fma(v0_3, y0_0, sums[12]))));
    sums[13] = fma(v3_3, y3_1, fma(v2_3, y2_1, fma(v1_3, y1_1, fma(v0_3, y0_1, sums[13]))));
    sums[14] = fma(v3_3, y3_2, fma(v2_3, y2_2, fma(v1_3, y1_2, fma(v0_3, y0_2, sums[14]))));
    sums[15] = fma(v3_3, y3_3, fma(v2_3, y2_3, fma(v1_3, y1_3, fma(v0_3, y0_3, sums[15]))));
    let v0_4 = subgroupBroadcast(x0_0, 4u);
    let v1_4 = subgroupBroadcast(x1_0, 4u);
    let v2_4 = subgroupBroadcast(x2_0, 4u);
    let v3_4 = subgroupBroadcast(x3_0, 4u);
    sums[16] = fma(v3_4, y3_0, fma(v2_4, y2_0, fma(v1_4, y1_0, fma(v0_4, y0_0, sums[16]))));
    sums[17] = fma(v3_4, y3_1, fma(v2_4, y2_1, fma(v1_4, y1_1, fma(v0_4, y0_1, sums[17]))));
    sums[18] = fma(v3_4, y3_2, fma(v2_4, y2_2, fma(v1_4, y1_2, fma(v0_4, y0_2, sums[18]))));
    sums[19] = fma(v3_4, y3_3, fma(v2_4, y2_3, fma(v1_4, y1_3, fma(v0_4, y0_3, sums[19]))));
    let v0_5 = subgroupBroadcast(x0_0, 5u);
    let v1_5 = subgroupBroadcast(x1_0, 5u);
    let v2_5 = subgroupBroadcast(x2_0, 5u);
    let v3_5 = subgroupBroadcast(x3_0, 5u);
    sums[20] = fma(v3_5, y3_0, fma(v2_5, y2_0, fma(v1_5, y1_0, fma(v0_5, y0_0, sums[20]))));
    sums[21] = fma(v3_5, y3_1, fma(v2_5, y2_1, fma(v1_5, y1_1, fma(v0_5, y0_1, sums[21]))));
    sums[22] = fma(v3_5, y3_2, fma(v2_5, y2_2, fma(v1_5, y1_2, fma(v0_5, y0_2, sums[22]))));
    sums[23] = fma(v3_5, y3_3, fma(v2_5, y2_3, fma(v1_5, y1_3, fma(v0_5, y0_3, sums[23]))));
    let v0_6 = subgroupBroadcast(x0_0, 6u);
    let v1_6 = subgroupBroadcast(x1_0, 6u);
    let v2_6 = subgroupBroadcast(x2_0, 6u);
    let v3_6 = subgroupBroadcast(x3_0, 6u);
    sums[24] = fma(v3_6, y3_0, fma(v2_6, y2_0, fma(v1_6, y1_0, fma(v0_6, y0_0, sums[24]))));
    sums[25] = fma(v3_6, y3_1, fma(v2_6, y2_1, fma(v1_6, y1_1, fma(v0_6, y0_1, sums[25]))));
    sums[26] = fma(v3_6, y3_2, fma(v2_6, y2_2, fma(v1_6, y1_2, fma(v0_6, y0_2, sums[26]))));
    sums[27] = fma(v3_6, y3_3, fma(v2_6, y2_3, fma(v1_6, y1_3, fma(v0_6, y0_3, sums[27]))));
    let v0_7 = subgroupBroadcast(x0_0, 7u);
    let v1_7 = subgroupBroadcast(x1_0, 7u);
    let v2_7 = subgroupBroadcast(x2_0, 7u);
    let v3_7 = subgroupBroadcast(x3_0, 7u);
    sums[28] = fma(v3_7, y3_0, fma(v2_7, y2_0, fma(v1_7, y1_0, fma(v0_7, y0_0, sums[28]))));
    sums[29] = fma(v3_7, y3_1, fma(v2_7, y2_1, fma(v1_7, y1_1, fma(v0_7, y0_1, sums[29]))));
    sums[30] = fma(v3_7, y3_2, fma(v2_7, y2_2, fma(v1_7, y1_2, fma(v0_7, y0_2, sums[30]))));
    sums[31] = fma(v3_7, y3_3, fma(v2_7, y2_3, fma(v1_7, y1_3, fma(v0_7, y0_3, sums[31]))));
  }
  for (var r = 0u; r < 8u; r++) {
    let own = row + (r / 8u) * 8u + (r % 8u);
    if (own < p.m) {
      for (var j = 0u; j < 4u; j++) {
        let column = col + j / 4u * 32u + j % 4u + 4u * lane;
        let at = baseC + own * p.ldc + column;
        if (column < p.n) { c[at] = c[at] + sums[r * 4u + j]; }
      }
    }
  }
}
