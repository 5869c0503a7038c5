// rows reduce
// params 40 0 40 320 0 8 0 0
// binds feed.logits[0..1280] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[1].y; e1++) {
    let t2 = b0[p.v[0].y * p.v[0].w + e1 * p.v[0].z + row - p.v[1].x];
    r0 += t2;
  }
  out[row] = r0;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}

// rows reduce
// params 40 1 40 320 320 8 0 0
// binds feed.logits[1280..2560] output.out[0..160]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[1].y; e1++) {
    let t2 = b0[p.v[0].y * p.v[0].w + e1 * p.v[0].z + row - p.v[1].x];
    r0 += t2;
  }
  out[row] = out[row] + r0;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}
