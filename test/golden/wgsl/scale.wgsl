// map mul
// params 16 3 3 3
// binds feed.x[0..768] feed.gain[0..48] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 1> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.v[0].x * p.v[0].y) { return; }
  let row = id / p.v[0].y;
  let four = id - row * p.v[0].y;
  let o1 = row * p.v[0].z;
  let o19 = row * p.v[0].w;
  let f2 = b0[o1 + four];
  let f4 = b1[four];
  let t3 = f2.x;
  let t5 = f4.x;
  let t6 = (t3 * t5);
  let t8 = f2.y;
  let t9 = f4.y;
  let t10 = (t8 * t9);
  let t12 = f2.z;
  let t13 = f4.z;
  let t14 = (t12 * t13);
  let t16 = f2.w;
  let t17 = f4.w;
  let t18 = (t16 * t17);
  out[o19 + four] = vec4<f32>(t6, t10, t14, t18);
}
