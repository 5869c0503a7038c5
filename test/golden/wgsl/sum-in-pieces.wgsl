// rows reduce
// params 40 6 0 0 40 320 0 0
// binds feed.logits[0..960] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t2 = b0[p.v[0].z * p.v[1].y + (e1 + p.v[0].w) * p.v[1].x + row - p.v[1].z];
    r0 += t2;
  }
  out[row] = r0;
}

// rows reduce
// params 40 2 0 6 40 320 128 0
// binds feed.logits[512..1280] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t2 = b0[p.v[0].z * p.v[1].y + (e1 + p.v[0].w) * p.v[1].x + row - p.v[1].z];
    r0 += t2;
  }
  out[row] = out[row] + r0;
}

// rows reduce
// params 40 6 1 0 40 320 256 0
// binds feed.logits[1024..2240] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t2 = b0[p.v[0].z * p.v[1].y + (e1 + p.v[0].w) * p.v[1].x + row - p.v[1].z];
    r0 += t2;
  }
  out[row] = out[row] + r0;
}

// rows reduce
// params 40 2 1 6 40 320 512 0
// binds feed.logits[2048..2560] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t2 = b0[p.v[0].z * p.v[1].y + (e1 + p.v[0].w) * p.v[1].x + row - p.v[1].z];
    r0 += t2;
  }
  out[row] = out[row] + r0;
}
