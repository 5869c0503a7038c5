// rows mul
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
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o3 = row * p.v[0].z;
  var r0 = 0.0;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let f4 = b0[o3 + e1];
    let t5 = f4.x;
    let t6 = (t5 * t5);
    r0 += t6;
    let t8 = f4.y;
    let t9 = (t8 * t8);
    r0 += t9;
    let t11 = f4.z;
    let t12 = (t11 * t11);
    r0 += t12;
    let t14 = f4.w;
    let t15 = (t14 * t14);
    r0 += t15;
  }
  let t20 = (r0 / 12.0f);
  let t21 = (t20 + 0.00001f);
  let t22 = sqrt(t21);
  let o42 = row * p.v[0].w;
  for (var e16 = 0u; e16 < p.v[0].y; e16 += 1u) {
    let f18 = b0[o3 + e16];
    let f24 = b1[e16];
    let t19 = f18.x;
    let t23 = (t19 / t22);
    let t25 = f24.x;
    let t26 = (t23 * t25);
    let t28 = f18.y;
    let t29 = (t28 / t22);
    let t30 = f24.y;
    let t31 = (t29 * t30);
    let t33 = f18.z;
    let t34 = (t33 / t22);
    let t35 = f24.z;
    let t36 = (t34 * t35);
    let t38 = f18.w;
    let t39 = (t38 / t22);
    let t40 = f24.w;
    let t41 = (t39 * t40);
    out[o42 + e16] = vec4<f32>(t26, t31, t36, t41);
  }
}
