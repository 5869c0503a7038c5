enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
fn f16_one(pair: u32, at: u32) -> f32 { return unpack2x16float(select(pair, pair >> 16u, (at & 1u) != 0u)).x; }
fn f16_four(pairs: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(pairs.x), unpack2x16float(pairs.y)); }
var<workgroup> stripA: array<f16, 2560>;
var<workgroup> stripB: array<f16, 2304>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32,
        @builtin(subgroup_size) lanes: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let subgroup = own / 32u;
  let below = 2u;
  let busy = true;
  let tilesM = (p.m + (32u * below) - 1u) / (32u * below);
  let tilesN = (p.n + 64u - 1u) / 64u;
  let id = w.x + w.y * 65535u;
  let left = id < p.batch * tilesM * tilesN;
  let batch = min(id / (tilesM * tilesN), p.batch - 1u);
  let place = select(0u, id - batch * tilesM * tilesN, left);
  let band = 8u * (place / (8u * tilesN));
  let inBand = place - band * tilesN;
  let high = min(8u, tilesM - band);
  let row = (band + inBand % high) * (32u * below);
  let col = (inBand / high) * 64u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  let ownRow = 32u * (subgroup / 2u);
  let ownCol = 32u * (subgroup % 2u);
  // None is left for this workgroup: it goes through no k, and stores nothing.
  let end = select(0u, p.k, left);
  var s0_0: subgroup_matrix_result<f32, 16, 16>;
  var s0_1: subgroup_matrix_result<f32, 16, 16>;
  var s1_0: subgroup_matrix_result<f32, 16, 16>;
  var s1_1: subgroup_matrix_result<f32, 16, 16>;
  let whole = left;
  var ownA0_0: vec2<u32>;
  var ownA0_1: vec2<u32>;
  var ownA0_2: vec2<u32>;
  var ownA0_3: vec2<u32>;
  var ownB0_0: vec4<u32>;
  var ownB0_1: vec4<u32>;
  var ownA1_0: vec2<u32>;
  var ownA1_1: vec2<u32>;
  var ownA1_2: vec2<u32>;
  var ownA1_3: vec2<u32>;
  var ownB1_0: vec4<u32>;
  var ownB1_1: vec4<u32>;
  if (0u < end) {
    let k = 0u;
    {
      let next = own / 8u;
      let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
      let inner = 4u * (own % 8u);
      {
        let line = line0 + 0u;
        let along = row + line;
        let deep = k + inner;
        ownA0_0 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 16u;
        let along = row + line;
        let deep = k + inner;
        ownA0_1 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 32u;
        let along = row + line;
        let deep = k + inner;
        ownA0_2 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 48u;
        let along = row + line;
        let deep = k + inner;
        ownA0_3 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
    }
    {
      let next = own / 8u;
      let line0 = next;
      let inner = 8u * (own % 8u);
      {
        let line = line0 + 0u;
        let along = col + inner;
        let deep = k + line;
        ownB0_0 = b[(baseB + (deep) * p.ldb + along) / 8u];
      }
      {
        let line = line0 + 16u;
        let along = col + inner;
        let deep = k + line;
        ownB0_1 = b[(baseB + (deep) * p.ldb + along) / 8u];
      }
    }
  }
  if (32u < end) {
    let k = 32u;
    {
      let next = own / 8u;
      let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
      let inner = 4u * (own % 8u);
      {
        let line = line0 + 0u;
        let along = row + line;
        let deep = k + inner;
        ownA1_0 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 16u;
        let along = row + line;
        let deep = k + inner;
        ownA1_1 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 32u;
        let along = row + line;
        let deep = k + inner;
        ownA1_2 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
      {
        let line = line0 + 48u;
        let along = row + line;
        let deep = k + inner;
        ownA1_3 = a[(baseA + (along) * p.lda + deep) / 4u];
      }
    }
    {
      let next = own / 8u;
      let line0 = next;
      let inner = 8u * (own % 8u);
      {
        let line = line0 + 0u;
        let along = col + inner;
        let deep = k + line;
        ownB1_0 = b[(baseB + (deep) * p.ldb + along) / 8u];
      }
      {
        let line = line0 + 16u;
        let along = col + inner;
        let deep = k + line;
        ownB1_1 = b[(baseB + (deep) * p.ldb + along) / 8u];
      }
    }
  }
  for (var step = 0u; step < end; step += 64u) {
    {
      let k = step + 0u;
      {
        let next = own / 8u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA0_0);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 16u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA0_1);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 32u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA0_2);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 48u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA0_3);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 8u * (own % 8u);
        {
          let line = line0 + 0u;
          let to = line * 72u + inner;
          let lower = bitcast<vec4<f16>>(ownB0_0.xy);
          let upper = bitcast<vec4<f16>>(ownB0_0.zw);
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 4u, turned);
          let farTo = to + select(4u, 0u, turned);
          stripB[nearTo] = near.x;
          stripB[nearTo + 1u] = near.y;
          stripB[nearTo + 2u] = near.z;
          stripB[nearTo + 3u] = near.w;
          stripB[farTo] = far.x;
          stripB[farTo + 1u] = far.y;
          stripB[farTo + 2u] = far.z;
          stripB[farTo + 3u] = far.w;
        }
        {
          let line = line0 + 16u;
          let to = line * 72u + inner;
          let lower = bitcast<vec4<f16>>(ownB0_1.xy);
          let upper = bitcast<vec4<f16>>(ownB0_1.zw);
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 4u, turned);
          let farTo = to + select(4u, 0u, turned);
          stripB[nearTo] = near.x;
          stripB[nearTo + 1u] = near.y;
          stripB[nearTo + 2u] = near.z;
          stripB[nearTo + 3u] = near.w;
          stripB[farTo] = far.x;
          stripB[farTo + 1u] = far.y;
          stripB[farTo + 2u] = far.z;
          stripB[farTo + 3u] = far.w;
        }
      }
    }
    workgroupBarrier();
    if (step + 64u < end) {
      let k = step + 64u;
      {
        let next = own / 8u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let along = row + line;
          let deep = k + inner;
          ownA0_0 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 16u;
          let along = row + line;
          let deep = k + inner;
          ownA0_1 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 32u;
          let along = row + line;
          let deep = k + inner;
          ownA0_2 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 48u;
          let along = row + line;
          let deep = k + inner;
          ownA0_3 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 8u * (own % 8u);
        {
          let line = line0 + 0u;
          let along = col + inner;
          let deep = k + line;
          ownB0_0 = b[(baseB + (deep) * p.ldb + along) / 8u];
        }
        {
          let line = line0 + 16u;
          let along = col + inner;
          let deep = k + line;
          ownB0_1 = b[(baseB + (deep) * p.ldb + along) / 8u];
        }
      }
    }
    {
      if (busy) {
        let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 0u) * 40u + 0u, 40u);
        let x0_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 16u) * 40u + 0u, 40u);
        let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 0u + ownCol + 0u, 72u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
        s1_0 = subgroupMatrixMultiplyAccumulate(x0_1, y0_0, s1_0);
        let y0_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 0u + ownCol + 16u, 72u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x0_0, y0_1, s0_1);
        s1_1 = subgroupMatrixMultiplyAccumulate(x0_1, y0_1, s1_1);
        let x1_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 0u) * 40u + 16u, 40u);
        let x1_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 16u) * 40u + 16u, 40u);
        let y1_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 1152u + ownCol + 0u, 72u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x1_0, y1_0, s0_0);
        s1_0 = subgroupMatrixMultiplyAccumulate(x1_1, y1_0, s1_0);
        let y1_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 1152u + ownCol + 16u, 72u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x1_0, y1_1, s0_1);
        s1_1 = subgroupMatrixMultiplyAccumulate(x1_1, y1_1, s1_1);
      }
    }
    workgroupBarrier();
    {
      let k = step + 32u;
      {
        let next = own / 8u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA1_0);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 16u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA1_1);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 32u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA1_2);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
        {
          let line = line0 + 48u;
          let to = line * 40u + inner;
          let value = bitcast<vec4<f16>>(ownA1_3);
          stripA[to] = value.x;
          stripA[to + 1u] = value.y;
          stripA[to + 2u] = value.z;
          stripA[to + 3u] = value.w;
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 8u * (own % 8u);
        {
          let line = line0 + 0u;
          let to = line * 72u + inner;
          let lower = bitcast<vec4<f16>>(ownB1_0.xy);
          let upper = bitcast<vec4<f16>>(ownB1_0.zw);
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 4u, turned);
          let farTo = to + select(4u, 0u, turned);
          stripB[nearTo] = near.x;
          stripB[nearTo + 1u] = near.y;
          stripB[nearTo + 2u] = near.z;
          stripB[nearTo + 3u] = near.w;
          stripB[farTo] = far.x;
          stripB[farTo + 1u] = far.y;
          stripB[farTo + 2u] = far.z;
          stripB[farTo + 3u] = far.w;
        }
        {
          let line = line0 + 16u;
          let to = line * 72u + inner;
          let lower = bitcast<vec4<f16>>(ownB1_1.xy);
          let upper = bitcast<vec4<f16>>(ownB1_1.zw);
          let turned = own / 8u % 2u != 0u;
          let near = select(lower, upper, turned);
          let far = select(upper, lower, turned);
          let nearTo = to + select(0u, 4u, turned);
          let farTo = to + select(4u, 0u, turned);
          stripB[nearTo] = near.x;
          stripB[nearTo + 1u] = near.y;
          stripB[nearTo + 2u] = near.z;
          stripB[nearTo + 3u] = near.w;
          stripB[farTo] = far.x;
          stripB[farTo + 1u] = far.y;
          stripB[farTo + 2u] = far.z;
          stripB[farTo + 3u] = far.w;
        }
      }
    }
    workgroupBarrier();
    if (step + 96u < end) {
      let k = step + 96u;
      {
        let next = own / 8u;
        let line0 = next / 8u * 8u + next % 8u / 2u + next % 2u * 4u;
        let inner = 4u * (own % 8u);
        {
          let line = line0 + 0u;
          let along = row + line;
          let deep = k + inner;
          ownA1_0 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 16u;
          let along = row + line;
          let deep = k + inner;
          ownA1_1 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 32u;
          let along = row + line;
          let deep = k + inner;
          ownA1_2 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
        {
          let line = line0 + 48u;
          let along = row + line;
          let deep = k + inner;
          ownA1_3 = a[(baseA + (along) * p.lda + deep) / 4u];
        }
      }
      {
        let next = own / 8u;
        let line0 = next;
        let inner = 8u * (own % 8u);
        {
          let line = line0 + 0u;
          let along = col + inner;
          let deep = k + line;
          ownB1_0 = b[(baseB + (deep) * p.ldb + along) / 8u];
        }
        {
          let line = line0 + 16u;
          let along = col + inner;
          let deep = k + line;
          ownB1_1 = b[(baseB + (deep) * p.ldb + along) / 8u];
        }
      }
    }
    {
      if (busy) {
        let x0_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 0u) * 40u + 0u, 40u);
        let x0_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 16u) * 40u + 0u, 40u);
        let y0_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 0u + ownCol + 0u, 72u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x0_0, y0_0, s0_0);
        s1_0 = subgroupMatrixMultiplyAccumulate(x0_1, y0_0, s1_0);
        let y0_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 0u + ownCol + 16u, 72u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x0_0, y0_1, s0_1);
        s1_1 = subgroupMatrixMultiplyAccumulate(x0_1, y0_1, s1_1);
        let x1_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 0u) * 40u + 16u, 40u);
        let x1_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&stripA, (ownRow + 16u) * 40u + 16u, 40u);
        let y1_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 1152u + ownCol + 0u, 72u);
        s0_0 = subgroupMatrixMultiplyAccumulate(x1_0, y1_0, s0_0);
        s1_0 = subgroupMatrixMultiplyAccumulate(x1_1, y1_0, s1_0);
        let y1_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&stripB, 1152u + ownCol + 16u, 72u);
        s0_1 = subgroupMatrixMultiplyAccumulate(x1_0, y1_1, s0_1);
        s1_1 = subgroupMatrixMultiplyAccumulate(x1_1, y1_1, s1_1);
      }
    }
    workgroupBarrier();
  }
  if (whole && busy) {
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 0u, s0_0, p.ldc);
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 0u) * p.ldc + col + ownCol + 16u, s0_1, p.ldc);
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 16u) * p.ldc + col + ownCol + 0u, s1_0, p.ldc);
    subgroupMatrixStore<row_major>(&c, baseC + (row + ownRow + 16u) * p.ldc + col + ownCol + 16u, s1_1, p.ldc);
  }
}
