// rows mul
// params 16 12 12 12
// binds feed.x[0..768] feed.gain[0..48] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 1> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o2 = row * p.v[0].z;
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let t3 = b0[o2 + e1];
    let t4 = (t3 * t3);
    r0 += t4;
  }
  let t7 = (r0 / 12.0f);
  let t8 = (t7 + 0.00001f);
  let t9 = sqrt(t8);
  let o13 = row * p.v[0].w;
  for (var e5 = 0u; e5 < p.v[0].y; e5 += 1u) {
    let t6 = b0[o2 + e5];
    let t10 = (t6 / t9);
    let t11 = b1[e5];
    let t12 = (t10 * t11);
    out[o13 + e5] = t12;
  }
}
