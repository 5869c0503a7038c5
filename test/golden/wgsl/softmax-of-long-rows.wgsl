// rows div
// params 16 4000 4000 4000
// binds feed.many[0..256000] output.out[0..256000]
// groups 16 × 1 × 1
struct Params { v: array<vec4<u32>, 1> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<f32, 64>;

fn max_of_row(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half = half / 2u) {
    if (lane < half) { parts[lane] = max(parts[lane], parts[lane + half]); }
    workgroupBarrier();
  }
  return parts[0];
}

fn sum_of_row(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half = half / 2u) {
    if (lane < half) { parts[lane] = parts[lane] + parts[lane + half]; }
    workgroupBarrier();
  }
  return parts[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = w.x + w.y * 65535u;
  if (row >= p.v[0].x) { return; }
  let lane = l.x;
  let o2 = row * p.v[0].z;
  var r0 = -3.0e38;
  for (var e1 = lane; e1 < p.v[0].y; e1 += 64u) {
    let t3 = b0[o2 + e1];
    r0 = max(r0, t3);
  }
  r0 = max_of_row(lane, r0);
  var r4 = 0.0;
  for (var e5 = lane; e5 < p.v[0].y; e5 += 64u) {
    let t6 = b0[o2 + e5];
    let t7 = (t6 - r0);
    let t8 = exp(t7);
    r4 += t8;
  }
  r4 = sum_of_row(lane, r4);
  let o14 = row * p.v[0].w;
  for (var e9 = lane; e9 < p.v[0].y; e9 += 64u) {
    let t10 = b0[o2 + e9];
    let t11 = (t10 - r0);
    let t12 = exp(t11);
    let t13 = (t12 / r4);
    out[o14 + e9] = t13;
  }
}
