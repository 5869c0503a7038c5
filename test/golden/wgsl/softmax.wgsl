// rows div
// params 16 10 10 10
// binds feed.logits[0..2560] output.out[0..2560]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 1> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let row = (w.x + w.y * 65535u) * 64u + l.x;
  if (row >= p.v[0].x) { return; }
  let o3 = row * p.v[0].z;
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].y; e1 += 1u) {
    let f4 = b0[o3 + e1];
    let t5 = f4.x;
    r0 = max(r0, t5);
    let t7 = f4.y;
    r0 = max(r0, t7);
    let t9 = f4.z;
    r0 = max(r0, t9);
    let t11 = f4.w;
    r0 = max(r0, t11);
  }
  var r12 = 0.0;
  for (var e13 = 0u; e13 < p.v[0].y; e13 += 1u) {
    let f15 = b0[o3 + e13];
    let t16 = f15.x;
    let t17 = (t16 - r0);
    let t18 = exp(t17);
    r12 += t18;
    let t20 = f15.y;
    let t21 = (t20 - r0);
    let t22 = exp(t21);
    r12 += t22;
    let t24 = f15.z;
    let t25 = (t24 - r0);
    let t26 = exp(t25);
    r12 += t26;
    let t28 = f15.w;
    let t29 = (t28 - r0);
    let t30 = exp(t29);
    r12 += t30;
  }
  let o53 = row * p.v[0].w;
  for (var e31 = 0u; e31 < p.v[0].y; e31 += 1u) {
    let f33 = b0[o3 + e31];
    let t34 = f33.x;
    let t35 = (t34 - r0);
    let t36 = exp(t35);
    let t37 = (t36 / r12);
    let t39 = f33.y;
    let t40 = (t39 - r0);
    let t41 = exp(t40);
    let t42 = (t41 / r12);
    let t44 = f33.z;
    let t45 = (t44 - r0);
    let t46 = exp(t45);
    let t47 = (t46 / r12);
    let t49 = f33.w;
    let t50 = (t49 - r0);
    let t51 = exp(t50);
    let t52 = (t51 / r12);
    out[o53 + e31] = vec4<f32>(t37, t42, t47, t52);
  }
}
