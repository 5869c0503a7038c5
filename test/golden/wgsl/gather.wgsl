// map gather
// params 192 12 39 12 12 0 0 0
// binds feed.tokens[0..64] feed.table[0..1920] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<u32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  let q1 = row / p.v[0].y;
  let i0 = row - q1 * p.v[0].y;
  let j2 = min(b0[q1], p.v[0].z);
  let t3 = b1[j2 * p.v[0].w + i0];
  out[q1 * p.v[1].x + i0] = t3;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 256u + l.x;
  element(first + 0u);
  element(first + 64u);
  element(first + 128u);
  element(first + 192u);
}
