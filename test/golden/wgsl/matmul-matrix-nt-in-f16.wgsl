enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
fn bf16_one(pair: u32, at: u32) -> f32 { return bitcast<f32>(select(pair * 65536u, pair & 0xffff0000u, (at & 1u) != 0u)); }
fn bf16_four(pairs: vec2<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(pairs.x * 65536u, pairs.x & 0xffff0000u, pairs.y * 65536u, pairs.y & 0xffff0000u)); }
var<workgroup> stripA: array<f16, 3072>;
var<workgroup> stripB: array<f16, 384>;
var<workgroup> results: array<f32, 1024>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let subgroups = min(4u, 128u / lanes);
  let subgroup = own / lanes;
  let high = 32u * subgroups;
  let tilesM = (p.m + high - 1u) / high;
  let tilesN = (p.n + 15u) / 16u;
  let id = w.x + w.y * 65535u;
  let rest = id / tilesN;
  let batch = min(rest / tilesM, p.batch - 1u);
  let row = (rest - batch * tilesM) * high;
  let col = (id - rest * tilesN) * 16u;
  // None is left for this workgroup: it goes through no k, and stores nothing.
  let k = select(0u, p.k, id < p.batch * tilesM * tilesN);
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  var s0_0: subgroup_matrix_result<f32, 16, 16>;
  var s1_0: subgroup_matrix_result<f32, 16, 16>;
  for (var step = 0u; step < k; step += 16u) {
    for (var at = own; at < 512u; at += 128u) {
      let outer = at / 4u;
      let inner = at - outer * 4u;
      let depth = step + 4u * inner;
      let value = a[(baseA + (min(row + outer, p.m - 1u)) * p.lda + min(depth, p.k - 4u)) / 4u];
      let to = outer * 24u + 4u * inner;
      stripA[to + 0u] = f16(select(0.0, value.x, depth + 0u < p.k));
      stripA[to + 1u] = f16(select(0.0, value.y, depth + 1u < p.k));
      stripA[to + 2u] = f16(select(0.0, value.z, depth + 2u < p.k));
      stripA[to + 3u] = f16(select(0.0, value.w, depth + 3u < p.k));
    }
    for (var at = own; at < 64u; at += 128u) {
      let outer = at / 4u;
      let inner = at - outer * 4u;
      let depth = step + 4u * inner;
      let value = bf16_four(b[(baseB + (min(col + outer, p.n - 1u)) * p.ldb + min(depth, p.k - 4u)) / 4u]);
      let to = outer * 24u + 4u * inner;
      stripB[to + 0u] = f16(select(0.0, value.x, depth + 0u < p.k));
      stripB[to + 1u] = f16(select(0.0, value.y, depth + 1u < p.k));
      stripB[to + 2u] = f16(select(0.0, value.z, depth + 2u < p.k));
      stripB[to + 3u] = f16(select(0.0, value.w, depth + 3u < p.k));
    }
    workgroupBarrier();
    if (subgroup < subgroups) {
      let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (32u * subgroup + 0u) * 24u + 0u, 24u);
      let x0_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (32u * subgroup + 16u) * 24u + 0u, 24u);
      let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&stripB, (0u) * 24u + 0u, 24u);
      s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
      s1_0 = subgroupMatrixMultiplyAccumulate(x0_1, y0_0, s1_0);
    }
    workgroupBarrier();
  }
  if (subgroup < subgroups) {
    subgroupMatrixStore<row_major>(&results, subgroup * 256u, s0_0, 16u);
  }
  workgroupBarrier();
  if (subgroup < subgroups && k > 0u) {
    for (var at = lane; at < 256u; at += lanes) {
      let i = row + 32u * subgroup + 0u + at / 16u;
      let j = col + 0u + at % 16u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] = results[subgroup * 256u + at];
      }
    }
  }
  workgroupBarrier();
  if (subgroup < subgroups) {
    subgroupMatrixStore<row_major>(&results, subgroup * 256u, s1_0, 16u);
  }
  workgroupBarrier();
  if (subgroup < subgroups && k > 0u) {
    for (var at = lane; at < 256u; at += lanes) {
      let i = row + 32u * subgroup + 16u + at / 16u;
      let j = col + 0u + at % 16u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] = results[subgroup * 256u + at];
      }
    }
  }
  workgroupBarrier();
}
