// rows div
// params 6 40 0 0 40 320 0 40 320 0 0 0
// binds feed.logits[0..960] output.out[0..960]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 3> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o2 = p.v[0].z * p.v[1].y + (row + p.v[0].w) * p.v[1].x;
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t3 = b0[o2 + e1 - p.v[1].z];
    r0 = max(r0, t3);
  }
  var r4 = 0.0;
  for (var e5 = 0u; e5 < p.v[0].y; e5 += 1u) {
    let t6 = b0[o2 + e5 - p.v[1].z];
    let t7 = (t6 - r0);
    let t8 = exp(t7);
    r4 += t8;
  }
  let o14 = p.v[0].z * p.v[2].x + (row + p.v[0].w) * p.v[1].w;
  for (var e9 = 0u; e9 < p.v[0].y; e9 += 1u) {
    let t10 = b0[o2 + e9 - p.v[1].z];
    let t11 = (t10 - r0);
    let t12 = exp(t11);
    let t13 = (t12 / r4);
    out[o14 + e9 - p.v[2].y] = t13;
  }
}

// rows div
// params 2 40 0 6 40 320 128 40 320 128 0 0
// binds feed.logits[512..1280] output.out[512..1280]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 3> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o2 = p.v[0].z * p.v[1].y + (row + p.v[0].w) * p.v[1].x;
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t3 = b0[o2 + e1 - p.v[1].z];
    r0 = max(r0, t3);
  }
  var r4 = 0.0;
  for (var e5 = 0u; e5 < p.v[0].y; e5 += 1u) {
    let t6 = b0[o2 + e5 - p.v[1].z];
    let t7 = (t6 - r0);
    let t8 = exp(t7);
    r4 += t8;
  }
  let o14 = p.v[0].z * p.v[2].x + (row + p.v[0].w) * p.v[1].w;
  for (var e9 = 0u; e9 < p.v[0].y; e9 += 1u) {
    let t10 = b0[o2 + e9 - p.v[1].z];
    let t11 = (t10 - r0);
    let t12 = exp(t11);
    let t13 = (t12 / r4);
    out[o14 + e9 - p.v[2].y] = t13;
  }
}

// rows div
// params 6 40 1 0 40 320 256 40 320 256 0 0
// binds feed.logits[1024..2240] output.out[1024..2240]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 3> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o2 = p.v[0].z * p.v[1].y + (row + p.v[0].w) * p.v[1].x;
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t3 = b0[o2 + e1 - p.v[1].z];
    r0 = max(r0, t3);
  }
  var r4 = 0.0;
  for (var e5 = 0u; e5 < p.v[0].y; e5 += 1u) {
    let t6 = b0[o2 + e5 - p.v[1].z];
    let t7 = (t6 - r0);
    let t8 = exp(t7);
    r4 += t8;
  }
  let o14 = p.v[0].z * p.v[2].x + (row + p.v[0].w) * p.v[1].w;
  for (var e9 = 0u; e9 < p.v[0].y; e9 += 1u) {
    let t10 = b0[o2 + e9 - p.v[1].z];
    let t11 = (t10 - r0);
    let t12 = exp(t11);
    let t13 = (t12 / r4);
    out[o14 + e9 - p.v[2].y] = t13;
  }
}

// rows div
// params 2 40 1 6 40 320 512 40 320 512 0 0
// binds feed.logits[2048..2560] output.out[2048..2560]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 3> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o2 = p.v[0].z * p.v[1].y + (row + p.v[0].w) * p.v[1].x;
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t3 = b0[o2 + e1 - p.v[1].z];
    r0 = max(r0, t3);
  }
  var r4 = 0.0;
  for (var e5 = 0u; e5 < p.v[0].y; e5 += 1u) {
    let t6 = b0[o2 + e5 - p.v[1].z];
    let t7 = (t6 - r0);
    let t8 = exp(t7);
    r4 += t8;
  }
  let o14 = p.v[0].z * p.v[2].x + (row + p.v[0].w) * p.v[1].w;
  for (var e9 = 0u; e9 < p.v[0].y; e9 += 1u) {
    let t10 = b0[o2 + e9 - p.v[1].z];
    let t11 = (t10 - r0);
    let t12 = exp(t11);
    let t13 = (t12 / r4);
    out[o14 + e9 - p.v[2].y] = t13;
  }
}
