enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> stripA: array<f32, 320>;
var<workgroup> stripB: array<f32, 576>;
var<workgroup> results: array<f32, 256>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let subgroup = own / lanes;
  let below = min(2u, 128u / lanes / 2u);
  let busy = subgroup < 2u * below;
  let tilesM = (p.m + (8u * below) - 1u) / (8u * below);
  let tilesN = (p.n + 32u - 1u) / 32u;
  let id = w.x + w.y * 65535u;
  let left = id < p.batch * tilesM * tilesN;
  let batch = min(id / (tilesM * tilesN), p.batch - 1u);
  let place = select(0u, id - batch * tilesM * tilesN, left);
  let band = 8u * (place / (8u * tilesN));
  let inBand = place - band * tilesN;
  let high = min(8u, tilesM - band);
  let row = (band + inBand % high) * (8u * below);
  let col = (inBand / high) * 32u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  let ownRow = 8u * (subgroup / 2u);
  let ownCol = 16u * (subgroup % 2u);
  // None is left for this workgroup: it goes through no k, and stores nothing.
  let end = select(0u, p.k, left);
  var s0_0: subgroup_matrix_result<f32, 8, 8>;
  var s0_1: subgroup_matrix_result<f32, 8, 8>;
  let whole = left && row + 8u * below <= p.m && col + 32u <= p.n;
  if (whole && busy) {
    s0_0 = subgroupMatrixLoad<subgroup_matrix_result<f32, 8, 8>, row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 0u, p.ldc);
    s0_1 = subgroupMatrixLoad<subgroup_matrix_result<f32, 8, 8>, row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 8u, p.ldc);
  }
  var ownA0_0: vec4<f32>;
  var ownB0_0: vec4<f32>;
  if (0u < end) {
    let k = 0u;
    {
      let next = own / 4u;
      let line0 = next;
      let inner = 4u * (own % 4u);
      if (own < 64u) {
        let line = line0 + 0u;
        let along = row + inner;
        let deep = k + line;
        ownA0_0 = vec4<f32>(a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 0u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 1u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 2u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 3u, p.m - 1u)]);
      }
    }
    {
      let next = own / 8u;
      let line0 = next;
      let inner = 4u * (own % 8u);
      {
        let line = line0 + 0u;
        let along = col + inner;
        let deep = k + line;
        ownB0_0 = vec4<f32>(b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 0u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 1u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 2u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 3u, p.n - 1u)]);
      }
    }
  }
  for (var step = 0u; step < end; step += 16u) {
    {
      let k = step + 0u;
      {
        let next = own / 4u;
        let line0 = next;
        let inner = 4u * (own % 4u);
        if (own < 64u) {
          let line = line0 + 0u;
          let deep = k + line;
          let to = line * 20u + inner;
          let value = select(vec4<f32>(), ownA0_0, vec4<bool>(deep < p.k));
          let lower = value.xy;
          let upper = value.zw;
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 2u, turned);
          let farTo = to + select(2u, 0u, turned);
          stripA[nearTo] = near.x;
          stripA[nearTo + 1u] = near.y;
          stripA[farTo] = far.x;
          stripA[farTo + 1u] = far.y;
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let deep = k + line;
          let to = line * 36u + inner;
          let value = select(vec4<f32>(), ownB0_0, vec4<bool>(deep < p.k));
          let lower = value.xy;
          let upper = value.zw;
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 2u, turned);
          let farTo = to + select(2u, 0u, turned);
          stripB[nearTo] = near.x;
          stripB[nearTo + 1u] = near.y;
          stripB[farTo] = far.x;
          stripB[farTo + 1u] = far.y;
        }
      }
    }
    workgroupBarrier();
    if (step + 16u < end) {
      let k = step + 16u;
      {
        let next = own / 4u;
        let line0 = next;
        let inner = 4u * (own % 4u);
        if (own < 64u) {
          let line = line0 + 0u;
          let along = row + inner;
          let deep = k + line;
          ownA0_0 = vec4<f32>(a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 0u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 1u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 2u, p.m - 1u)], a[baseA + (min(deep, p.k - 1u)) * p.lda + min(along + 3u, p.m - 1u)]);
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let along = col + inner;
          let deep = k + line;
          ownB0_0 = vec4<f32>(b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 0u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 1u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 2u, p.n - 1u)], b[baseB + (min(deep, p.k - 1u)) * p.ldb + min(along + 3u, p.n - 1u)]);
        }
      }
    }
    {
      if (busy) {
        let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, col_major>(&stripA, 0u + ownRow + 0u, 20u);
        let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 0u + ownCol + 0u, 36u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
        let y0_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 0u + ownCol + 8u, 36u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x0_0, y0_1, s0_1);
        let x1_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, col_major>(&stripA, 160u + ownRow + 0u, 20u);
        let y1_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 288u + ownCol + 0u, 36u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x1_0, y1_0, s0_0);
        let y1_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&stripB, 288u + ownCol + 8u, 36u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x1_0, y1_1, s0_1);
      }
    }
    workgroupBarrier();
  }
  if (whole && busy) {
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 0u, s0_0, p.ldc);
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 8u, s0_1, p.ldc);
  }
  if (!whole) {
    if (busy) {
      subgroupMatrixStore<row_major>(&results, subgroup * 64u, s0_0, 8u);
    }
    workgroupBarrier();
    if (busy && left) {
      for (var at = lane; at < 64u; at += lanes) {
        let i = row + ownRow + 0u + at / 8u;
        let j = col + ownCol + 0u + at % 8u;
        if (i < p.m && j < p.n) {
          c[baseC + i * p.ldc + j] += results[subgroup * 64u + at];
        }
      }
    }
    workgroupBarrier();
    if (busy) {
      subgroupMatrixStore<row_major>(&results, subgroup * 64u, s0_1, 8u);
    }
    workgroupBarrier();
    if (busy && left) {
      for (var at = lane; at < 64u; at += lanes) {
        let i = row + ownRow + 0u + at / 8u;
        let j = col + ownCol + 8u + at % 8u;
        if (i < p.m && j < p.n) {
          c[baseC + i * p.ldc + j] += results[subgroup * 64u + at];
        }
      }
    }
    workgroupBarrier();
  }
}
