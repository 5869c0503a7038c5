// rows div
// params 8 0 40 320 0 40 40 320 0 40 40 320 0 40 320 0 40 0 0 0
// binds feed.logits[0..1280] output.out[0..1280]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 5> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[1].y; e1++) {
    let t2 = b0[p.v[0].y * p.v[0].w + row * p.v[0].z + e1 - p.v[1].x];
    r0 = max(r0, t2);
  }
  var r3 = 0.0;
  for (var e4 = 0u; e4 < p.v[2].y; e4++) {
    let t5 = b0[p.v[0].y * p.v[1].w + row * p.v[1].z + e4 - p.v[2].x];
    let t6 = (t5 - r0);
    let t7 = exp(t6);
    r3 += t7;
  }
  for (var e8 = 0u; e8 < p.v[4].x; e8++) {
    let t9 = b0[p.v[0].y * p.v[2].w + row * p.v[2].z + e8 - p.v[3].x];
    let t10 = (t9 - r0);
    let t11 = exp(t10);
    let t12 = (t11 / r3);
    out[p.v[0].y * p.v[3].z + row * p.v[3].y + e8 - p.v[3].w] = t12;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}

// rows div
// params 8 1 40 320 320 40 40 320 320 40 40 320 320 40 320 320 40 0 0 0
// binds feed.logits[1280..2560] output.out[1280..2560]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 5> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[1].y; e1++) {
    let t2 = b0[p.v[0].y * p.v[0].w + row * p.v[0].z + e1 - p.v[1].x];
    r0 = max(r0, t2);
  }
  var r3 = 0.0;
  for (var e4 = 0u; e4 < p.v[2].y; e4++) {
    let t5 = b0[p.v[0].y * p.v[1].w + row * p.v[1].z + e4 - p.v[2].x];
    let t6 = (t5 - r0);
    let t7 = exp(t6);
    r3 += t7;
  }
  for (var e8 = 0u; e8 < p.v[4].x; e8++) {
    let t9 = b0[p.v[0].y * p.v[2].w + row * p.v[2].z + e8 - p.v[3].x];
    let t10 = (t9 - r0);
    let t11 = exp(t10);
    let t12 = (t11 / r3);
    out[p.v[0].y * p.v[3].z + row * p.v[3].y + e8 - p.v[3].w] = t12;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}
