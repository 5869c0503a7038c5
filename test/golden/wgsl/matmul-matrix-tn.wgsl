enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> stripA: array<f32, 576>;
var<workgroup> stripB: array<f32, 320>;
var<workgroup> results: array<f32, 256>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let subgroups = min(4u, 128u / lanes);
  let subgroup = own / lanes;
  let high = 8u * subgroups;
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
  var s0_0: subgroup_matrix_result<f32, 8, 8>;
  var s0_1: subgroup_matrix_result<f32, 8, 8>;
  for (var step = 0u; step < k; step += 16u) {
    for (var at = own; at < 128u; at += 128u) {
      let outer = at / 8u;
      let inner = at - outer * 8u;
      let depth = step + outer;
      let value = vec4<f32>(a[baseA + (min(depth, p.k - 1u)) * p.lda + min((row + 4u * inner) + 0u, p.m - 1u)], a[baseA + (min(depth, p.k - 1u)) * p.lda + min((row + 4u * inner) + 1u, p.m - 1u)], a[baseA + (min(depth, p.k - 1u)) * p.lda + min((row + 4u * inner) + 2u, p.m - 1u)], a[baseA + (min(depth, p.k - 1u)) * p.lda + min((row + 4u * inner) + 3u, p.m - 1u)]);
      let to = outer * 36u + 4u * inner;
      stripA[to + 0u] = f32(select(0.0, value.x, depth < p.k));
      stripA[to + 1u] = f32(select(0.0, value.y, depth < p.k));
      stripA[to + 2u] = f32(select(0.0, value.z, depth < p.k));
      stripA[to + 3u] = f32(select(0.0, value.w, depth < p.k));
    }
    for (var at = own; at < 64u; at += 128u) {
      let outer = at / 4u;
      let inner = at - outer * 4u;
      let depth = step + outer;
      let value = vec4<f32>(b[baseB + (min(depth, p.k - 1u)) * p.ldb + min((col + 4u * inner) + 0u, p.n - 1u)], b[baseB + (min(depth, p.k - 1u)) * p.ldb + min((col + 4u * inner) + 1u, p.n - 1u)], b[baseB + (min(depth, p.k - 1u)) * p.ldb + min((col + 4u * inner) + 2u, p.n - 1u)], b[baseB + (min(depth, p.k - 1u)) * p.ldb + min((col + 4u * inner) + 3u, p.n - 1u)]);
      let to = outer * 20u + 4u * inner;
      stripB[to + 0u] = f32(select(0.0, value.x, depth < p.k));
      stripB[to + 1u] = f32(select(0.0, value.y, depth < p.k));
      stripB[to + 2u] = f32(select(0.0, value.z, depth < p.k));
      stripB[to + 3u] = f32(select(0.0, value.w, depth < p.k));
    }
    workgroupBarrier();
    if (subgroup < subgroups) {
      let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, col_major>(&stripA, 0u + 8u * subgroup + 0u, 36u);
      let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 0u + 0u, 20u);
      s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
      let y0_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 0u + 8u, 20u);
      s0_1 = subgroupMatrixMultiplyAccumulate(x0_0, y0_1, s0_1);
      let x1_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, col_major>(&stripA, 288u + 8u * subgroup + 0u, 36u);
      let y1_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 160u + 0u, 20u);
      s0_0 = subgroupMatrixMultiplyAccumulate(x1_0, y1_0, s0_0);
      let y1_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 160u + 8u, 20u);
      s0_1 = subgroupMatrixMultiplyAccumulate(x1_0, y1_1, s0_1);
    }
    workgroupBarrier();
  }
  if (subgroup < subgroups) {
    subgroupMatrixStore<row_major>(&results, subgroup * 64u, s0_0, 8u);
  }
  workgroupBarrier();
  if (subgroup < subgroups && k > 0u) {
    for (var at = lane; at < 64u; at += lanes) {
      let i = row + 8u * subgroup + 0u + at / 8u;
      let j = col + 0u + at % 8u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] += results[subgroup * 64u + at];
      }
    }
  }
  workgroupBarrier();
  if (subgroup < subgroups) {
    subgroupMatrixStore<row_major>(&results, subgroup * 64u, s0_1, 8u);
  }
  workgroupBarrier();
  if (subgroup < subgroups && k > 0u) {
    for (var at = lane; at < 64u; at += lanes) {
      let i = row + 8u * subgroup + 0u + at / 8u;
      let j = col + 8u + at % 8u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] += results[subgroup * 64u + at];
      }
    }
  }
  workgroupBarrier();
}
