struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
fn bf16_one(pair: u32, at: u32) -> f32 { return bitcast<f32>(select(pair * 65536u, pair & 0xffff0000u, (at & 1u) != 0u)); }
fn bf16_four(pairs: vec2<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(pairs.x * 65536u, pairs.x & 0xffff0000u, pairs.y * 65536u, pairs.y & 0xffff0000u)); }
var<workgroup> stripA: array<vec4<f16>, 40>;
var<workgroup> stripB: array<vec4<f16>, 40>;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) own: u32) {
  let tilesM = (p.m + 16u - 1u) / 16u;
  let tilesN = (p.n + 16u - 1u) / 16u;
  let id = w.x + w.y * 65535u;
  let left = id < p.batch * tilesM * tilesN;
  let batch = min(id / (tilesM * tilesN), p.batch - 1u);
  let place = select(0u, id - batch * tilesM * tilesN, left);
  let band = 8u * (place / (8u * tilesN));
  let inBand = place - band * tilesN;
  let high = min(8u, tilesM - band);
  let row = (band + inBand % high) * 16u;
  let col = (inBand / high) * 16u;
  let baseA = p.offA + batch * p.stepA;
  let baseB = p.offB + batch * p.stepB;
  let baseC = p.offC + batch * p.stepC;
  // The whole group returns, so that barriers stay uniform.
  if (!left) { return; }
  let down = own / 4u;
  let across = own - down * 4u;
  var s0_0 = vec4<f32>();
  var s1_0 = vec4<f32>();
  var s2_0 = vec4<f32>();
  var s3_0 = vec4<f32>();
  var own0_0: vec4<f16>;
  var own0_1: vec4<f16>;
  var own0_2: vec4<f16>;
  var own0_3: vec4<f16>;
  {
    let k = 0u;
    if (own < 8u) {
      let piece = own;
      let deep = k + (4u * (piece % 2u));
      let v0 = a[(baseA + (min(row + 4u * (piece / 2u) + 0u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
      let v1 = a[(baseA + (min(row + 4u * (piece / 2u) + 1u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
      let v2 = a[(baseA + (min(row + 4u * (piece / 2u) + 2u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
      let v3 = a[(baseA + (min(row + 4u * (piece / 2u) + 3u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
      own0_0 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.x, v1.x, v2.x, v3.x), deep + 0u < p.k));
      own0_1 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.y, v1.y, v2.y, v3.y), deep + 1u < p.k));
      own0_2 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.z, v1.z, v2.z, v3.z), deep + 2u < p.k));
      own0_3 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.w, v1.w, v2.w, v3.w), deep + 3u < p.k));
    }
    if (own >= 8u) {
      let piece = own - 8u;
      let deep = k + (4u * (piece % 2u));
      let v0 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 0u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
      let v1 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 1u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
      let v2 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 2u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
      let v3 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 3u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
      own0_0 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.x, v1.x, v2.x, v3.x), deep + 0u < p.k));
      own0_1 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.y, v1.y, v2.y, v3.y), deep + 1u < p.k));
      own0_2 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.z, v1.z, v2.z, v3.z), deep + 2u < p.k));
      own0_3 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.w, v1.w, v2.w, v3.w), deep + 3u < p.k));
    }
  }
  for (var step = 0u; step < p.k; step += 8u) {
    if (own < 8u) {
      let piece = own;
      stripA[((4u * (piece % 2u)) + 0u) * 5u + (piece / 2u)] = own0_0;
      stripA[((4u * (piece % 2u)) + 1u) * 5u + (piece / 2u)] = own0_1;
      stripA[((4u * (piece % 2u)) + 2u) * 5u + (piece / 2u)] = own0_2;
      stripA[((4u * (piece % 2u)) + 3u) * 5u + (piece / 2u)] = own0_3;
    }
    if (own >= 8u) {
      let piece = own - 8u;
      stripB[((4u * (piece % 2u)) + 0u) * 5u + (piece / 2u)] = own0_0;
      stripB[((4u * (piece % 2u)) + 1u) * 5u + (piece / 2u)] = own0_1;
      stripB[((4u * (piece % 2u)) + 2u) * 5u + (piece / 2u)] = own0_2;
      stripB[((4u * (piece % 2u)) + 3u) * 5u + (piece / 2u)] = own0_3;
    }
    workgroupBarrier();
    {
      let k = step + 8u;
      if (own < 8u) {
        let piece = own;
        let deep = k + (4u * (piece % 2u));
        let v0 = a[(baseA + (min(row + 4u * (piece / 2u) + 0u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
        let v1 = a[(baseA + (min(row + 4u * (piece / 2u) + 1u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
        let v2 = a[(baseA + (min(row + 4u * (piece / 2u) + 2u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
        let v3 = a[(baseA + (min(row + 4u * (piece / 2u) + 3u, p.m - 1u)) * p.lda + min(deep, p.k - 4u)) / 4u];
        own0_0 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.x, v1.x, v2.x, v3.x), deep + 0u < p.k));
        own0_1 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.y, v1.y, v2.y, v3.y), deep + 1u < p.k));
        own0_2 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.z, v1.z, v2.z, v3.z), deep + 2u < p.k));
        own0_3 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.w, v1.w, v2.w, v3.w), deep + 3u < p.k));
      }
      if (own >= 8u) {
        let piece = own - 8u;
        let deep = k + (4u * (piece % 2u));
        let v0 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 0u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
        let v1 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 1u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
        let v2 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 2u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
        let v3 = bf16_four(b[(baseB + (min(col + 4u * (piece / 2u) + 3u, p.n - 1u)) * p.ldb + min(deep, p.k - 4u)) / 4u]);
        own0_0 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.x, v1.x, v2.x, v3.x), deep + 0u < p.k));
        own0_1 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.y, v1.y, v2.y, v3.y), deep + 1u < p.k));
        own0_2 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.z, v1.z, v2.z, v3.z), deep + 2u < p.k));
        own0_3 = vec4<f16>(select(vec4<f32>(), vec4<f32>(v0.w, v1.w, v2.w, v3.w), deep + 3u < p.k));
      }
    }
    for (var i = 0u; i < 8u; i++) {
      let first = i * 5u;
      let x0 = vec4<f32>(stripA[first + down + 0u]);
      let y0 = vec4<f32>(stripB[first + across + 0u]);
      s0_0 = fma(vec4<f32>(x0.x), y0, s0_0);
      s1_0 = fma(vec4<f32>(x0.y), y0, s1_0);
      s2_0 = fma(vec4<f32>(x0.z), y0, s2_0);
      s3_0 = fma(vec4<f32>(x0.w), y0, s3_0);
    }
    workgroupBarrier();
  }
  let r0 = row + 4u * (down + 0u) + 0u;
  if (r0 < p.m) {
    let out = baseC + r0 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = s0_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = s0_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = s0_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = s0_0.w; }
  }
  let r1 = row + 4u * (down + 0u) + 1u;
  if (r1 < p.m) {
    let out = baseC + r1 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = s1_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = s1_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = s1_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = s1_0.w; }
  }
  let r2 = row + 4u * (down + 0u) + 2u;
  if (r2 < p.m) {
    let out = baseC + r2 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = s2_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = s2_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = s2_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = s2_0.w; }
  }
  let r3 = row + 4u * (down + 0u) + 3u;
  if (r3 < p.m) {
    let out = baseC + r3 * p.ldc;
    if (col + 4u * (across + 0u) + 0u < p.n) { c[out + col + 4u * (across + 0u) + 0u] = s3_0.x; }
    if (col + 4u * (across + 0u) + 1u < p.n) { c[out + col + 4u * (across + 0u) + 1u] = s3_0.y; }
    if (col + 4u * (across + 0u) + 2u < p.n) { c[out + col + 4u * (across + 0u) + 2u] = s3_0.z; }
    if (col + 4u * (across + 0u) + 3u < p.n) { c[out + col + 4u * (across + 0u) + 3u] = s3_0.w; }
  }
}
