// rows mul
// params 16 12 12 12 12 12 0 0
// binds feed.x[0..768] feed.gain[0..48] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].z; e1++) {
    let t2 = b0[row * p.v[0].y + e1];
    let t3 = (t2 * t2);
    r0 += t3;
  }
  let t6 = (r0 / 12.0f);
  let t7 = (t6 + 0.00001f);
  let t8 = sqrt(t7);
  for (var e4 = 0u; e4 < p.v[1].y; e4++) {
    let t5 = b0[row * p.v[0].w + e4];
    let t9 = (t5 / t8);
    let t10 = b1[e4];
    let t11 = (t9 * t10);
    out[row * p.v[1].x + e4] = t11;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}
