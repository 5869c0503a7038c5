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
var<workgroup> stripA: array<f16, 1536>;
var<workgroup> stripB: array<f16, 768>;
var<workgroup> results: array<f32, 1024>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let subgroup = own / lanes;
  let below = min(2u, 128u / lanes / 2u);
  let busy = subgroup < 2u * below;
  let tilesM = (p.m + (32u * below) - 1u) / (32u * below);
  let tilesN = (p.n + 32u - 1u) / 32u;
  let id = w.x + w.y * 65535u;
  let left = id < p.batch * tilesM * tilesN;
  let batch = min(id / (tilesM * tilesN), p.batch - 1u);
  let place = select(0u, id - batch * tilesM * tilesN, left);
  let band = 8u * (place / (8u * tilesN));
  let inBand = place - band * tilesN;
  let high = min(8u, tilesM - band);
  let row = (band + inBand % high) * (32u * below);
  let col = (inBand / high) * 32u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  let ownRow = 32u * (subgroup / 2u);
  let ownCol = 16u * (subgroup % 2u);
  // None is left for this workgroup: it goes through no k, and stores nothing.
  let end = select(0u, p.k, left);
  var s0_0: subgroup_matrix_result<f32, 16, 16>;
  var s1_0: subgroup_matrix_result<f32, 16, 16>;
  var ownA0_0: vec4<f32>;
  var ownA0_1: vec4<f32>;
  var ownB0_0: vec2<u32>;
  if (0u < end) {
    let k = 0u;
    {
      let next = own / 4u;
      let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
      let inner = 4u * (own % 4u);
      {
        let line = line0 + 0u;
        let along = min(row + line, p.m - 1u);
        let deep = k + inner;
        ownA0_0 = a[(baseA + (along) * p.lda + min(deep, p.k - 4u)) / 4u];
      }
      {
        let line = line0 + 32u;
        let along = min(row + line, p.m - 1u);
        let deep = k + inner;
        ownA0_1 = a[(baseA + (along) * p.lda + min(deep, p.k - 4u)) / 4u];
      }
    }
    {
      let next = own / 4u;
      let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
      let inner = 4u * (own % 4u);
      {
        let line = line0 + 0u;
        let along = min(col + line, p.n - 1u);
        let deep = k + inner;
        ownB0_0 = b[(baseB + (along) * p.ldb + min(deep, p.k - 4u)) / 4u];
      }
    }
  }
  for (var step = 0u; step < end; step += 16u) {
    {
      let k = step + 0u;
      {
        let next = own / 4u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 4u);
        {
          let line = line0 + 0u;
          let deep = k + inner;
          let to = line * 24u + inner;
          let value = select(vec4<f16>(), vec4<f16>(ownA0_0), deep + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.k));
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 32u;
          let deep = k + inner;
          let to = line * 24u + inner;
          let value = select(vec4<f16>(), vec4<f16>(ownA0_1), deep + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.k));
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
      }
      {
        let next = own / 4u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 4u);
        {
          let line = line0 + 0u;
          let deep = k + inner;
          let to = line * 24u + inner;
          let value = select(vec4<f16>(), vec4<f16>(bf16_four(ownB0_0)), deep + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.k));
          stripB[to] = value.x;
          stripB[to + 1u] = value.y;
          stripB[to + 2u] = value.z;
          stripB[to + 3u] = value.w;
        }
      }
    }
    workgroupBarrier();
    if (step + 16u < end) {
      let k = step + 16u;
      {
        let next = own / 4u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 4u);
        {
          let line = line0 + 0u;
          let along = min(row + line, p.m - 1u);
          let deep = k + inner;
          ownA0_0 = a[(baseA + (along) * p.lda + min(deep, p.k - 4u)) / 4u];
        }
        {
          let line = line0 + 32u;
          let along = min(row + line, p.m - 1u);
          let deep = k + inner;
          ownA0_1 = a[(baseA + (along) * p.lda + min(deep, p.k - 4u)) / 4u];
        }
      }
      {
        let next = own / 4u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 4u);
        {
          let line = line0 + 0u;
          let along = min(col + line, p.n - 1u);
          let deep = k + inner;
          ownB0_0 = b[(baseB + (along) * p.ldb + min(deep, p.k - 4u)) / 4u];
        }
      }
    }
    {
      if (busy) {
        let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 0u) * 24u + 0u, 24u);
        let x0_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 16u) * 24u + 0u, 24u);
        let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&stripB, (ownCol + 0u) * 24u + 0u, 24u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
        s1_0 = subgroupMatrixMultiplyAccumulate(x0_1, y0_0, s1_0);
      }
    }
    workgroupBarrier();
  }
  if (busy) {
    subgroupMatrixStore<row_major>(&results, subgroup * 256u, s0_0, 16u);
  }
  workgroupBarrier();
  if (busy && left) {
    for (var at = lane; at < 256u; at += lanes) {
      let i = row + ownRow + 0u + at / 16u;
      let j = col + ownCol + 0u + at % 16u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] = results[subgroup * 256u + at];
      }
    }
  }
  workgroupBarrier();
  if (busy) {
    subgroupMatrixStore<row_major>(&results, subgroup * 256u, s1_0, 16u);
  }
  workgroupBarrier();
  if (busy && left) {
    for (var at = lane; at < 256u; at += lanes) {
      let i = row + ownRow + 16u + at / 16u;
      let j = col + ownCol + 0u + at % 16u;
      if (i < p.m && j < p.n) {
        c[baseC + i * p.ldc + j] = results[subgroup * 256u + at];
      }
    }
  }
  workgroupBarrier();
}
